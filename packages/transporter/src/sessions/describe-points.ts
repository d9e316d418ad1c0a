import { toFailure } from '@sealift/core';
import { runsDigest } from '@sealift/crypto';
import { openManifest, type Repository } from '@sealift/repository';
import type { DescribedPoint, PointReport } from '@sealift/wire';

/** The reports in one answer take at most this many bytes, or are one. */
const LONGEST_ANSWER = 512 * 1024;
/** What a report takes besides descriptor and certificate. */
const REPORT_OVERHEAD = 512;

/** What the files of points say, for as many of them, from the first on, as fit one answer. */
export async function describePoints(
  repository: Repository,
  pointIds: string[],
  signal: AbortSignal,
): Promise<PointReport[]> {
  const reports: PointReport[] = [];
  let bytes = 0;
  for (const id of pointIds) {
    signal.throwIfAborted();
    const report = await describe(repository, id);
    bytes += sizeOf(report);
    if (bytes > LONGEST_ANSWER && reports.length > 0) break;
    reports.push(report);
  }
  return reports;
}

function sizeOf(report: PointReport): number {
  if ('failure' in report) return REPORT_OVERHEAD + 2 * report.failure.message.length;
  return REPORT_OVERHEAD + report.point.certificate.length + (report.point.descriptor?.length ?? 0);
}

async function describe(repository: Repository, id: string): Promise<PointReport> {
  try {
    const { manifest: file, record } = await repository.readPoint(id);
    const { manifest, certificate, hash } = openManifest(file);
    const { jobId, sourceId, sequence, previous, mode, zone, createdAt, descriptor, run, runs } = manifest;
    const point: DescribedPoint = {
      ...{ id: record.id, jobId, sourceId, sequence, hash, mode, zone, createdAt },
      certificate,
      ...(previous === undefined ? {} : { previous }),
      ...(descriptor === undefined ? {} : { descriptor }),
      ...(run === undefined ? {} : { epoch: run.epoch, runsHash: runsDigest([run, ...runs]) }),
    };
    return { point };
  } catch (thrown) {
    return { id, failure: toFailure(thrown).toJSON() };
  }
}
