import type { KeyObject } from 'node:crypto';
import { ByteReader, u16, u32 } from './byte-reader.ts';
import { fail } from './failures.ts';
import { type RunKey, runKeyFrom } from './keys.ts';
import { KEY_LENGTH, secretKey } from './primitives.ts';
import { openMessage, sealMessage } from './sealed-message.ts';
import { createXWingKeyPair, type XWingKeyPair } from './x-wing.ts';

/*
 * Keys handed to a task, inside a sealed message:
 *
 *   domain id 16 B, IDK 32 B, CPK 32 B, count u16, count x { run salt 32 B, epoch u32, RK 32 B }
 */

const KEYS_PURPOSE = 'task-keys';
const SECRET_PURPOSE = 'secret';
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
  const sealed = sealMessage(publicKey, plaintext, { purpose: KEYS_PURPOSE, context });
  plaintext.fill(0);
  return sealed;
}

export function openTaskKeys(pair: TaskKeyPair, sealed: Buffer, context: Buffer): TaskKeys {
  const plaintext = openMessage(pair, sealed, { purpose: KEYS_PURPOSE, context });
  if (plaintext === undefined) throw damaged('do not open with the key of this task');
  const keys = decodeTaskKeys(plaintext);
  plaintext.fill(0);
  return keys;
}

/** One secret of 32 bytes, e.g. the key of a repository's slot, sealed to the holder of a key pair. */
export function sealSecret(publicKey: Buffer, secret: Buffer, context: Buffer): Buffer {
  if (secret.length !== KEY_LENGTH) throw fail('limit-exceeded', `A secret of ${secret.length} bytes is not one.`);
  return sealMessage(publicKey, secret, { purpose: SECRET_PURPOSE, context });
}

/** @throws Failure `task-keys-damaged` when it does not open with this pair in this context */
export function openSecret(pair: TaskKeyPair, sealed: Buffer, context: Buffer): Buffer {
  const secret = openMessage(pair, sealed, { purpose: SECRET_PURPOSE, context });
  if (secret?.length !== KEY_LENGTH) throw fail('task-keys-damaged', 'A secret that was sent does not open here.');
  return secret;
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
