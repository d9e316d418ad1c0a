import { describeDomain, uuidText, verifyPeerCertificate } from '@sealift/crypto';
import type { DescribedPoint, ShownPoint } from '@sealift/wire';
import type { KnownAuthority } from '../db/authorities.ts';
import { fail } from '../failures.ts';

export interface Judgement {
  /** Fingerprint of the authority that certified the signer; undefined for that of this Director. */
  authority: string | undefined;
  domain: { id: string; epoch: number } | undefined;
  /** Of an in-flight point that was copied from there: the repository it was made in. */
  zone: string | undefined;
}

export interface Measure {
  repositoryId: string;
  /** PEM. */
  ownAuthority: string;
  accepted: KnownAuthority[];
}

/**
 * Whether a point may be recorded as its target describes it: it agrees with what was shown before and with itself, and
 * its signer is the source it names, under an authority that counts. The signature itself is checked by whoever reads
 * the point, against the hash recorded now. @throws Failure `point-inconsistent`, `authority-unknown`, or that of the
 * certificate
 */
export function judgePoint(point: DescribedPoint, shown: ShownPoint, measure: Measure): Judgement {
  const same = point.jobId === shown.jobId && point.sequence === shown.sequence && point.hash.equals(shown.hash);
  if (!same) throw inconsistent(point, 'it is described otherwise than it was shown');
  return { authority: authorityOf(point, measure), domain: domainOf(point), zone: zoneOf(point, measure.repositoryId) };
}

function authorityOf(point: DescribedPoint, { ownAuthority, accepted }: Measure): string | undefined {
  const at = new Date(point.createdAt);
  for (const { certificate, fingerprint } of [{ certificate: ownAuthority, fingerprint: undefined }, ...accepted]) {
    const signer = certified(point.certificate, certificate, at);
    if (signer === undefined) continue;
    if (signer.id !== point.sourceId || signer.role === 'target') {
      throw inconsistent(point, `it was signed by ${signer.role} ${signer.id}, not by its source ${point.sourceId}`);
    }
    return fingerprint;
  }
  throw fail('authority-unknown', `Recovery point ${point.id} was made under an authority that is not known here.`);
}

function certified(certificate: Buffer, authority: string, at: Date) {
  try {
    return verifyPeerCertificate(certificate, authority, at);
  } catch {
    return undefined;
  }
}

function domainOf(point: DescribedPoint): Judgement['domain'] {
  const { mode, descriptor, epoch, runsHash } = point;
  const zone = uuidText(point.zone);
  if (mode === 'in-flight') {
    if (descriptor === undefined) return undefined;
    throw inconsistent(point, 'it has a domain descriptor that no in-flight point has');
  }
  if (descriptor === undefined || epoch === undefined || runsHash === undefined) {
    throw inconsistent(point, 'it has no domain descriptor or no run');
  }
  const described = describeDomain(descriptor);
  if (uuidText(described.domainId) !== zone || described.epoch !== epoch) {
    throw inconsistent(point, 'its descriptor is that of another encryption domain or epoch');
  }
  return { id: zone, epoch };
}

function zoneOf({ mode, zone }: DescribedPoint, repositoryId: string): Judgement['zone'] {
  const id = uuidText(zone);
  return mode === 'in-flight' && id !== repositoryId ? id : undefined;
}

function inconsistent({ id }: DescribedPoint, why: string) {
  return fail('point-inconsistent', `Recovery point ${id} is not taken: ${why}.`);
}
