import { CHUNK_TYPE } from '@sealift/crypto';
import { fail } from './failures.ts';
import type { Manifest } from './format/manifest-body.ts';
import { type PackTable, runKeyOf } from './index/pack-table.ts';
import type { ReferenceCollector, ReferenceSummary } from './references.ts';
import type { InFlightZones } from './zones/in-flight-zones.ts';

/**
 * What must hold before a recovery point becomes visible: the manifest speaks of this point, this zone and this
 * reference list, every chunk is there, and the runs it lists are enough to open them all.
 */
export function checkCommit(
  manifest: Manifest,
  references: ReferenceCollector,
  summary: ReferenceSummary,
  repository: { zones: InFlightZones; table: PackTable },
): void {
  const { pointId } = manifest;
  if (references.pointId !== pointId) {
    throw fail('point-refused', `The reference list of ${references.pointId} was sent with point ${pointId}.`);
  }
  checkZone(manifest, references, repository.zones);
  const { count, hash } = manifest.references;
  if (count !== summary.count || !hash.equals(summary.hash)) {
    throw fail(
      'point-refused',
      `Point ${pointId} names ${count} references, other ones than the ${summary.count} sent.`,
    );
  }
  if (summary.missingCount > 0) {
    throw fail('point-incomplete', `Point ${pointId} refers to ${summary.missingCount} chunks that are not there.`);
  }
  checkRuns(manifest, summary, repository.table);
}

function checkZone(manifest: Manifest, references: ReferenceCollector, inFlight: InFlightZones): void {
  const { pointId, zone } = manifest;
  if (!zone.equals(references.zone)) {
    throw fail('wrong-zone', `Point ${pointId} belongs to another dedup zone than its session.`);
  }
  if (inFlight.has(zone) !== (manifest.mode === 'in-flight')) {
    throw fail('wrong-zone', `Point ${pointId} of mode ${manifest.mode} does not belong to its dedup zone.`);
  }
}

/**
 * Exactly the runs that are needed: without one the point could not be read, and one too many would have whoever reads
 * the point be given a key that has nothing to do with it.
 */
function checkRuns(manifest: Manifest, summary: ReferenceSummary, table: PackTable): void {
  const { pointId, zone, body } = manifest;
  const found = table.use(zone, body);
  if (found === undefined || found.type !== CHUNK_TYPE.manifest) {
    throw fail('point-incomplete', `The body of point ${pointId}, chunk ${body.toString('hex')}, is not there.`);
  }
  const needed = found.in.run < 0 ? summary.runs : [...summary.runs, table.run(found.in.run)];
  const listed = new Set(manifest.runs.map(runKeyOf));
  const unlisted = needed.filter((run) => !listed.has(runKeyOf(run)));
  if (unlisted.length > 0) {
    throw fail('point-refused', `Point ${pointId} leaves out ${unlisted.length} of the runs it refers to.`);
  }
  const allowed = new Set([...needed, ...(manifest.run === undefined ? [] : [manifest.run])].map(runKeyOf));
  const unneeded = [...listed].filter((run) => !allowed.has(run));
  if (unneeded.length > 0) {
    throw fail('point-refused', `Point ${pointId} lists ${unneeded.length} runs that it does not refer to.`);
  }
}
