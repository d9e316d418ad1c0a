/** Talks to a PKCS#11 module in a thread of its own: its calls block, and those of a network HSM take their time. */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { SecretKey, Session } from 'graphene-pk11';

/** `notFound` and `refused` last; everything else may pass. */
export type Pkcs11Answer =
  | { id: number; output: Uint8Array }
  | { id: number; error: string; kind: 'unavailable' | 'refused' | 'damaged' };
export interface Pkcs11Request {
  id: number;
  work: 'encrypt' | 'decrypt';
  nonce: Uint8Array;
  aad: Uint8Array;
  input: Uint8Array;
}

class Refusal extends Error {}

const TAG_BITS = 128;
const ROOM = 64;
const { module, token, object, pinFile } = workerData as Record<'module' | 'token' | 'object' | 'pinFile', string>;
const port = parentPort as NonNullable<typeof parentPort>;
const graphene = await import('graphene-pk11');
let opened: { session: Session; key: SecretKey } | undefined;

port.on('message', (request: Pkcs11Request) => port.postMessage(answer(request)));

function answer(request: Pkcs11Request): Pkcs11Answer {
  const { id } = request;
  try {
    opened ??= open();
    return { id, output: run(opened.session, opened.key, request) };
  } catch (thrown) {
    const { message, code } = thrown as Error & { code?: number };
    if (thrown instanceof Refusal || message.includes('CKR_PIN')) return { id, error: message, kind: 'refused' };
    // A module says little about a tag that does not verify; on an open session it is that.
    if (opened !== undefined && request.work === 'decrypt' && isDataError(message)) {
      return { id, error: message, kind: 'damaged' };
    }
    // The token may have been taken out or the connection lost: begin anew with the next request.
    opened = undefined;
    return { id, error: code === undefined ? message : `${message} (${code})`, kind: 'unavailable' };
  }
}

function open(): { session: Session; key: SecretKey } {
  const loaded = graphene.Module.load(module, 'sealift');
  try {
    loaded.initialize();
  } catch (thrown) {
    if (!(thrown as Error).message.includes('ALREADY_INITIALIZED')) throw thrown;
  }
  const slots = loaded.getSlots(true);
  const slot = Array.from({ length: slots.length }, (_, i) => slots.items(i)).find(
    (one) => one.getToken().label.trim() === token,
  );
  if (slot === undefined) throw new Error(`the module ${module} has no token '${token}'`);
  const session = slot.open(graphene.SessionFlag.SERIAL_SESSION);
  try {
    session.login(readFileSync(pinFile, 'utf8').trim());
  } catch (thrown) {
    if (!(thrown as Error).message.includes('ALREADY_LOGGED_IN')) throw thrown;
  }
  const keys = session.find({ class: graphene.ObjectClass.SECRET_KEY, label: object });
  if (keys.length !== 1) throw new Refusal(`the token '${token}' has ${keys.length} secret keys '${object}'`);
  const key = keys.items(0).toType<SecretKey>();
  if (key.extractable) throw new Refusal(`the key '${object}' can be extracted from the token '${token}'`);
  return { session, key };
}

function run(session: Session, key: SecretKey, { work, nonce, aad, input }: Pkcs11Request): Uint8Array {
  const params = new graphene.AesGcmParams(Buffer.from(nonce), Buffer.from(aad), TAG_BITS);
  const algorithm = { name: 'AES_GCM', params };
  const output = Buffer.alloc(input.length + ROOM);
  return work === 'encrypt'
    ? session.createCipher(algorithm, key).once(Buffer.from(input), output)
    : session.createDecipher(algorithm, key).once(Buffer.from(input), output);
}

function isDataError(message: string): boolean {
  return /CKR_(GENERAL_ERROR|ENCRYPTED_DATA_INVALID|ENCRYPTED_DATA_LEN_RANGE|AEAD_DECRYPT_FAILED|DATA_INVALID)/.test(
    message,
  );
}
