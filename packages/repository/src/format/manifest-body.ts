import type { EncryptionMode, RunRecord } from '@sealift/crypto';
import { Packr } from 'msgpackr';
import { fail } from '../failures.ts';
import { ID_LENGTH, LONGEST_MANIFEST, ZONE_LENGTH } from './limits.ts';

/** What a recovery point says of itself in the clear. Names, sizes and host facts are in the sealed chunk `body`. */
export interface Manifest {
  version: 1;
  /** UUID, lower case. */
  pointId: string;
  /** Clock of the source, ms since 1970. */
  createdAt: number;
  mode: EncryptionMode;
  /** Dedup zone all its chunks belong to. */
  zone: Buffer;
  jobId: string;
  sourceId: string;
  /** 1 for the first point of a chain, then one more each. */
  sequence: number;
  /** SHA-256 of the previous recovery point file of the chain. */
  previous?: Buffer;
  /** Domain descriptor, source-side only. */
  descriptor?: Buffer;
  /** The run that made this point, source-side only. */
  run?: RunRecord;
  /** Every run whose chunks the point refers to. */
  runs: RunRecord[];
  /** Of the reference list: ids in it, and SHA-256 over them. */
  references: { count: number; hash: Buffer };
  /** Id of the type-4 chunk. */
  body: Buffer;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LONGEST_DESCRIPTOR = 256 * 1024;
/** No records and no structure cloning: plain maps only, so that any MessagePack library reads them. */
const packr = new Packr({ useRecords: false, variableMapSize: true, moreTypes: false });

/** Canonical bytes: fields in the order below, absent ones left out. */
export function encodeManifest(manifest: Manifest): Buffer {
  const flaw = manifestFlaw(manifest);
  if (flaw !== undefined) throw fail('format-limit', `The manifest of ${manifest.pointId} cannot be written: ${flaw}.`);
  const bytes = Buffer.from(packr.pack(inOrder(manifest)));
  if (bytes.length > LONGEST_MANIFEST) {
    throw fail(
      'format-limit',
      `The manifest of ${manifest.pointId} takes ${bytes.length} bytes, over ${LONGEST_MANIFEST}.`,
    );
  }
  return bytes;
}

/** Accepts exactly what `encodeManifest` gives: bytes that encode the same values in another way are refused. */
export function decodeManifest(bytes: Buffer): Manifest {
  const value = unpack(bytes);
  const flaw = typeof value === 'object' && value !== null ? manifestFlaw(value as Manifest) : 'it is no map';
  if (flaw !== undefined) throw damaged(flaw);
  const manifest = inOrder(value as Manifest);
  if (!packr.pack(manifest).equals(bytes)) throw damaged('its bytes are not canonical');
  return manifest;
}

function unpack(bytes: Buffer): unknown {
  if (bytes.length > LONGEST_MANIFEST) throw damaged(`${bytes.length} bytes are over ${LONGEST_MANIFEST}`);
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw fail('format-damaged', 'A manifest is not well-formed MessagePack.', { cause });
  }
}

function damaged(why: string) {
  return fail('format-damaged', `A manifest is not well-formed: ${why}.`);
}

function inOrder(m: Manifest): Manifest {
  return {
    version: 1,
    pointId: m.pointId,
    createdAt: m.createdAt,
    mode: m.mode,
    zone: m.zone,
    jobId: m.jobId,
    sourceId: m.sourceId,
    sequence: m.sequence,
    ...(m.previous === undefined ? {} : { previous: m.previous }),
    ...(m.descriptor === undefined ? {} : { descriptor: m.descriptor }),
    ...(m.run === undefined ? {} : { run: runInOrder(m.run) }),
    runs: m.runs.map(runInOrder),
    references: { count: m.references.count, hash: m.references.hash },
    body: m.body,
  };
}

function runInOrder(run: RunRecord): RunRecord {
  return { runSalt: run.runSalt, epoch: run.epoch, commitment: run.commitment };
}

type Rule = (value: unknown) => boolean;
const uuid: Rule = (value) => typeof value === 'string' && UUID.test(value);
const bytesOf =
  (length: number): Rule =>
  (value) =>
    Buffer.isBuffer(value) && value.length === length;
const whole =
  (least: number, most: number): Rule =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const optional =
  (rule: Rule): Rule =>
  (value) =>
    value === undefined || rule(value);
const isRun: Rule = (value) => {
  const run = value as Partial<RunRecord> | null;
  if (typeof run !== 'object' || run === null) return false;
  return bytesOf(32)(run.runSalt) && whole(0, 0xffffffff)(run.epoch) && bytesOf(32)(run.commitment);
};

const RULES: Record<keyof Manifest, Rule> = {
  version: (value) => value === 1,
  pointId: uuid,
  createdAt: whole(0, 8.64e15),
  mode: (value) => value === 'in-flight' || value === 'source-side',
  zone: bytesOf(ZONE_LENGTH),
  jobId: uuid,
  sourceId: uuid,
  sequence: whole(1, Number.MAX_SAFE_INTEGER),
  previous: optional(bytesOf(32)),
  descriptor: optional((value) => Buffer.isBuffer(value) && value.length <= LONGEST_DESCRIPTOR),
  run: optional(isRun),
  runs: (value) => Array.isArray(value) && value.every(isRun),
  references: (value) => {
    const references = value as Partial<Manifest['references']> | null;
    if (typeof references !== 'object' || references === null) return false;
    return whole(0, Number.MAX_SAFE_INTEGER)(references.count) && bytesOf(32)(references.hash);
  },
  body: bytesOf(ID_LENGTH),
};

function manifestFlaw(manifest: Manifest): string | undefined {
  for (const [name, rule] of Object.entries(RULES)) {
    if (!rule(manifest[name as keyof Manifest])) return `field ${name} has an impossible value`;
  }
  const sourceSide = manifest.mode === 'source-side';
  if (sourceSide !== (manifest.run !== undefined)) return 'a run is given for exactly the source-side mode';
  if (sourceSide !== (manifest.descriptor !== undefined))
    return 'a descriptor is given for exactly the source-side mode';
  if (!sourceSide && manifest.runs.length > 0) return 'only source-side points list runs';
  return undefined;
}
