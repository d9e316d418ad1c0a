import type { KeyObject } from 'node:crypto';
import { ByteReader, u16, u32 } from './byte-reader.ts';
import { fail } from './failures.ts';
import { type RunKey, runKeyFrom } from './keys.ts';
import { label, labelled } from './labels.ts';
import { gcmOpen, gcmSeal, hkdf, NONCE_LENGTH, secretKey, sha256 } from './primitives.ts';
import {
  createXWingKeyPair,
  X_WING_CIPHERTEXT_LENGTH,
  type XWingKeyPair,
  xWingDecapsulate,
  xWingEncapsulate,
} from './x-wing.ts';

/*
 * Keys handed to a task: X-Wing ciphertext (1120 bytes), then AES-256-GCM under
 * HKDF(shared secret, SHA-256(context), L("task-keys")) with a zero nonce (the key is used once) and
 * L("task-keys") || 00 || context as associated data, of:
 *
 *   domain id 16 B, IDK 32 B, CPK 32 B, count u16, count x { run salt 32 B, epoch u32, RK 32 B }
 */

const NONCE = Buffer.alloc(NONCE_LENGTH);
const PURPOSE = 'task-keys';
/** Most runs whose keys one message may carry: about 0.7 MiB. */
const MAX_RUNS = 10_000;

/** What a source needs for one backup, or a restore for the runs of one recovery point. Never PH or DK. */
export interface TaskKeys {
  /** 16 bytes. */
  domainId: Buffer;
  /** IDK */
  idKey: KeyObject;
  /** CPK */
  cutKey: KeyObject;
  runs: RunKey[];
}

/** The ephemeral pair of one task; it never leaves the process that made it. */
export type TaskKeyPair = XWingKeyPair;

export function createTaskKeyPair(): TaskKeyPair {
  return createXWingKeyPair();
}

/** Seals keys to a task's public key. `context` names the task on both sides, so that an answer fits one question only. */
export function sealTaskKeys(publicKey: Buffer, keys: TaskKeys, context: Buffer): Buffer {
  const plaintext = encodeTaskKeys(keys);
  const { sharedSecret, ciphertext } = xWingEncapsulate(publicKey);
  const sealed = gcmSeal(messageKey(sharedSecret, context), NONCE, labelled(PURPOSE, context), plaintext);
  plaintext.fill(0);
  sharedSecret.fill(0);
  return Buffer.concat([ciphertext, sealed]);
}

export function openTaskKeys(pair: TaskKeyPair, sealed: Buffer, context: Buffer): TaskKeys {
  if (sealed.length < X_WING_CIPHERTEXT_LENGTH) throw damaged('are cut off');
  const sharedSecret = xWingDecapsulate(pair, sealed.subarray(0, X_WING_CIPHERTEXT_LENGTH));
  const key = messageKey(sharedSecret, context);
  const plaintext = gcmOpen(key, NONCE, labelled(PURPOSE, context), sealed.subarray(X_WING_CIPHERTEXT_LENGTH));
  sharedSecret.fill(0);
  if (plaintext === undefined) throw damaged('do not open with the key of this task');
  const keys = decodeTaskKeys(plaintext);
  plaintext.fill(0);
  return keys;
}

function messageKey(sharedSecret: Buffer, context: Buffer): Buffer {
  return hkdf(sharedSecret, sha256(context), label(PURPOSE));
}

function encodeTaskKeys(keys: TaskKeys): Buffer {
  if (keys.runs.length > MAX_RUNS) throw fail('limit-exceeded', `Keys of ${keys.runs.length} runs are too many.`);
  const parts = [keys.domainId, keys.idKey.export(), keys.cutKey.export(), u16(keys.runs.length)];
  for (const run of keys.runs) parts.push(run.runSalt, u32(run.epoch), run.key.export());
  return Buffer.concat(parts);
}

function decodeTaskKeys(plaintext: Buffer): TaskKeys {
  const reader = new ByteReader(plaintext, (what) => damaged(what));
  const domainId = Buffer.from(reader.bytes(16));
  const idKey = secretKey(reader.bytes(32));
  const cutKey = secretKey(reader.bytes(32));
  const runs = Array.from({ length: reader.u16() }, () => {
    const runSalt = Buffer.from(reader.bytes(32));
    const epoch = reader.u32();
    return runKeyFrom(secretKey(reader.bytes(32)), { domainId, epoch, runSalt });
  });
  reader.end();
  return { domainId, idKey, cutKey, runs };
}

function damaged(how: string) {
  return fail('task-keys-damaged', `The keys sent for the task ${how}.`);
}
