import { type KeyObject, randomBytes } from 'node:crypto';
import { fail } from './failures.ts';
import { unwrapSecret, WRAP_OVERHEAD, type WrapContext, wrapSecret } from './gcm-wrap.ts';
import type { KeyWrapper } from './kms/key-wrapper.ts';
import { label } from './labels.ts';
import { hkdf, KEY_LENGTH, takeKey } from './primitives.ts';
import { readOrCreateSecretFile } from './secret-file.ts';

/*
 * A wrapped secret: version u8 = 1, key id 8 B, then as gcm-wrap lays it out. The key id tells a wrong master key
 * from a damaged wrap.
 */

const VERSION = 1;
const KEY_ID_LENGTH = 8;
const PREFIX_LENGTH = 1 + KEY_ID_LENGTH;
const NO_SALT = Buffer.alloc(0);
const BASE64_KEY = /^[A-Za-z0-9+/]{43}=?$/;

/**
 * Wraps under a master key of 32 bytes in base64. A file is made on first use, mode 0600, whole or not at all, and is
 * refused when group or others may read it.
 */
export async function masterKeyWrapper(source: { file: string } | { base64: string }): Promise<KeyWrapper> {
  const text =
    'file' in source
      ? await readOrCreateSecretFile(source.file, () => `${randomBytes(KEY_LENGTH).toString('base64')}\n`)
      : source.base64;
  return wrapperOf(masterKey(text));
}

/** The 32 bytes of a key written in base64. @throws Failure `master-key-invalid` */
export function masterKey(text: string): Buffer {
  const trimmed = text.trim();
  const key = Buffer.from(BASE64_KEY.test(trimmed) ? trimmed : '', 'base64');
  if (key.length !== KEY_LENGTH) throw fail('master-key-invalid', 'The master key is not 32 bytes of base64.');
  return key;
}

function wrapperOf(master: Buffer): KeyWrapper {
  const wrapKey = takeKey(hkdf(master, NO_SALT, label('master-wrap')));
  const prefix = Buffer.concat([Buffer.from([VERSION]), hkdf(master, NO_SALT, label('master-id'), KEY_ID_LENGTH)]);
  master.fill(0);
  return {
    provider: 'master-key',
    keyRef: prefix.toString('hex', 1),
    wrap: async (plaintext, context) => Buffer.concat([prefix, wrapSecret(wrapKey, plaintext, context)]),
    unwrap: async (wrapped, context) => unwrap(wrapKey, prefix, wrapped, context),
    [Symbol.asyncDispose]: async () => {},
  };
}

function unwrap(wrapKey: KeyObject, prefix: Buffer, wrapped: Buffer, context: WrapContext): Buffer {
  const what = `The wrapped secret "${context.purpose}"`;
  if (wrapped.length < PREFIX_LENGTH + WRAP_OVERHEAD) throw fail('wrap-damaged', `${what} is cut off.`);
  if (wrapped[0] !== VERSION) throw fail('format-unknown', `${what} has the unknown version ${wrapped[0]}.`);
  if (!wrapped.subarray(0, PREFIX_LENGTH).equals(prefix)) {
    throw fail('master-key-wrong', `${what} was wrapped under another master key.`);
  }
  const secret = unwrapSecret(wrapKey, wrapped.subarray(PREFIX_LENGTH), context);
  if (secret === undefined) throw fail('wrap-damaged', `${what} does not verify.`);
  return secret;
}
