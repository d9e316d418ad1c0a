import type { KeyObject } from 'node:crypto';
import { u32 } from './byte-reader.ts';
import { fail } from './failures.ts';
import { label, labelled } from './labels.ts';
import { hkdf, hmacSha256, type Key, sameSecret, sha256, takeKey } from './primitives.ts';

/*
 * The key hierarchy. Names in capitals are those of DESIGN.md. Byte strings inside these shapes may arrive as plain
 * Uint8Arrays behind a postMessage; every function here accepts that.
 */

const NO_SALT = Buffer.alloc(0);

/** IDK and CPK: what identifies chunks and decides cuts. The same for every run of a domain or repository. */
export interface ChunkKeys {
  /** IDK */
  idKey: KeyObject;
  /** CPK */
  cutKey: KeyObject;
}

/** The public part of a run, as recovery points and packs record it. */
export interface RunRecord {
  /** 32 bytes, random. */
  runSalt: Buffer;
  epoch: number;
  /** RC, 32 bytes. */
  commitment: Buffer;
}

/** RK with its public part. Can be structured-cloned to a worker. */
export interface RunKey extends RunRecord {
  /** 16 bytes. */
  domainId: Buffer;
  /** RK */
  key: KeyObject;
}

/** IDK and CPK from the dedup secret of a domain (DDS) or of an unencrypted repository. */
export function chunkKeysFromSecret(dedupSecret: Buffer): ChunkKeys {
  return {
    idKey: takeKey(hkdf(dedupSecret, NO_SALT, label('chunk-id'))),
    cutKey: takeKey(hkdf(dedupSecret, NO_SALT, label('cdc-prf'))),
  };
}

export interface DomainKeys {
  /** KCV, 32 bytes, public. */
  checkValue: Buffer;
  /** WK */
  wrapKey: KeyObject;
  /** DM */
  macKey: KeyObject;
  /** DK */
  domainKey: KeyObject;
}

/** DK and what hangs on it, from PH. */
export function domainKeys(passwordHash: Buffer, domainId: Buffer, epoch: number): DomainKeys {
  const domainKey = takeKey(hkdf(passwordHash, domainId, Buffer.concat([label('domain'), u32(epoch)])));
  return {
    domainKey,
    checkValue: hkdf(domainKey, NO_SALT, label('kcv')),
    wrapKey: takeKey(hkdf(domainKey, NO_SALT, label('wrap'))),
    macKey: takeKey(hkdf(domainKey, NO_SALT, label('desc-mac'))),
  };
}

/** RK and RC of the run with this salt. */
export function deriveRunKey(domainKey: KeyObject, run: { domainId: Buffer; epoch: number; runSalt: Buffer }): RunKey {
  return runKeyFrom(takeKey(hkdf(domainKey, run.runSalt, label('run'))), run);
}

/** Completes a run key whose RK came from elsewhere: RC is always computed, never believed. */
export function runKeyFrom(key: KeyObject, run: { domainId: Buffer; epoch: number; runSalt: Buffer }): RunKey {
  return {
    domainId: run.domainId,
    epoch: run.epoch,
    runSalt: run.runSalt,
    key,
    commitment: runCommitment(key),
  };
}

/** RC */
export function runCommitment(key: Key): Buffer {
  return hkdf(key, NO_SALT, label('run-commit'));
}

/** Refuses a run key that is not the one a recovery point or pack recorded: the check of RK against RC. */
export function checkRun(run: RunKey, record: RunRecord): void {
  const same =
    run.epoch === record.epoch &&
    Buffer.compare(run.runSalt, record.runSalt) === 0 &&
    sameSecret(run.commitment, record.commitment) &&
    sameSecret(runCommitment(run.key), record.commitment);
  if (!same) {
    const salt = Buffer.from(record.runSalt).toString('hex', 0, 8);
    throw fail('run-key-mismatch', `The key offered for run ${salt} is not the one its commitment records.`);
  }
}

/** MK: authenticates the manifest of the run's recovery point, and opens nothing. */
export function manifestKey(run: Pick<RunKey, 'key'>): KeyObject {
  return takeKey(hkdf(run.key, NO_SALT, label('manifest')));
}

/** HMAC-SHA-256 under MK over the manifest of the run's recovery point, 32 bytes. */
export function manifestMac(run: RunKey, bytes: Buffer): Buffer {
  return hmacSha256(manifestKey(run), bytes);
}

/** Whether this is the MAC under MK over these bytes. */
export function manifestMacHolds(key: KeyObject, bytes: Buffer, mac: Buffer): boolean {
  return sameSecret(hmacSha256(key, bytes), mac);
}

/** Names a set of runs, whatever their order and repeats: SHA-256 over L("run-table") || 00 || sorted salt || epoch. */
export function runsDigest(runs: Pick<RunRecord, 'runSalt' | 'epoch'>[]): Buffer {
  const records = runs.map(({ runSalt, epoch }) => Buffer.concat([runSalt, u32(epoch)]).toString('hex'));
  const sorted = [...new Set(records)].sort().map((record) => Buffer.from(record, 'hex'));
  return sha256(labelled('run-table', ...sorted));
}
