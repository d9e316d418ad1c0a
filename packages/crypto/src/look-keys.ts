import type { KeyObject } from 'node:crypto';
import { ByteReader, u16 } from './byte-reader.ts';
import { CHUNK_KEY_LENGTH } from './chunk.ts';
import { fail } from './failures.ts';
import { secretKey } from './primitives.ts';
import { openMessage, sealMessage } from './sealed-message.ts';
import type { TaskKeyPair } from './task-keys.ts';

/*
 * Keys for looking into a recovery point without getting the key of any run, inside sealed messages:
 *
 *   of the point   IDK 32 B, MK of the run that made it 32 B, count u16, count x RC 32 B
 *   of a chunk     km 64 B
 */

const POINT_PURPOSE = 'point-keys';
const CHUNK_PURPOSE = 'chunk-key';

/** What shows that a recovery point is what its password sealed. */
export interface PointKeys {
  /** IDK */
  idKey: KeyObject;
  /** MK of the run that made the point. */
  manifestKey: KeyObject;
  /** RC of each run that was named, as the password gives it, in the order named. Public. */
  commitments: Buffer[];
}

export function sealPointKeys(publicKey: Buffer, keys: PointKeys, context: Buffer): Buffer {
  const secrets = [keys.idKey.export(), keys.manifestKey.export()];
  const plaintext = Buffer.concat([...secrets, u16(keys.commitments.length), ...keys.commitments]);
  return sealAndErase(publicKey, plaintext, { purpose: POINT_PURPOSE, context });
}

/** @throws Failure `task-keys-damaged` when it does not open with this pair in this context */
export function openPointKeys(pair: TaskKeyPair, sealed: Buffer, context: Buffer): PointKeys {
  const reader = readerOf(openMessage(pair, sealed, { purpose: POINT_PURPOSE, context }));
  const [idKey, manifestKey] = [secretKey(reader.bytes(32)), secretKey(reader.bytes(32))];
  const commitments = Array.from({ length: reader.u16() }, () => Buffer.from(reader.bytes(32)));
  reader.end();
  return { idKey, manifestKey, commitments };
}

/** @param key from `chunkKey`; erased */
export function sealChunkKey(publicKey: Buffer, key: Buffer, context: Buffer): Buffer {
  return sealAndErase(publicKey, key, { purpose: CHUNK_PURPOSE, context });
}

/** @throws Failure `task-keys-damaged` when it does not open with this pair in this context */
export function openChunkKey(pair: TaskKeyPair, sealed: Buffer, context: Buffer): Buffer {
  const reader = readerOf(openMessage(pair, sealed, { purpose: CHUNK_PURPOSE, context }));
  const key = reader.bytes(CHUNK_KEY_LENGTH);
  reader.end();
  return key;
}

function sealAndErase(publicKey: Buffer, plaintext: Buffer, binding: Parameters<typeof sealMessage>[2]): Buffer {
  const sealed = sealMessage(publicKey, plaintext, binding);
  plaintext.fill(0);
  return sealed;
}

function readerOf(plaintext: Buffer | undefined): ByteReader {
  if (plaintext === undefined) throw damaged('do not open with the key of this task');
  return new ByteReader(plaintext, damaged);
}

function damaged(how: string) {
  return fail('task-keys-damaged', `The keys sent for a look into a recovery point ${how}.`);
}
