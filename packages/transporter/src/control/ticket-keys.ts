import { createPublicKey, type KeyObject } from 'node:crypto';
import { Type } from 'typebox';
import { fail } from '../failures.ts';
import { readJsonFile, writeJsonFile } from '../storage/json-file.ts';

const StoredSchema = Type.Object({
  version: Type.Literal(1),
  /** SPKI DER in base64. */
  keys: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 8 }),
});

/**
 * The Director's public keys for tickets, kept on disk so that a target serves sessions whose tickets were issued
 * before a restart even while the Director is away.
 */
export class TicketKeys {
  readonly #path: string;
  #encoded: string[];
  #keys: KeyObject[];

  private constructor(path: string, encoded: string[]) {
    this.#path = path;
    this.#encoded = encoded;
    this.#keys = encoded.map(parseKey);
  }

  static async open(path: string): Promise<TicketKeys> {
    return new TicketKeys(path, (await readJsonFile(path, StoredSchema))?.keys ?? []);
  }

  all(): KeyObject[] {
    return this.#keys;
  }

  /** Takes over what the Director says now; `keys` are SPKI DER. */
  async replace(keys: Buffer[]): Promise<void> {
    const encoded = keys.map((key) => key.toString('base64'));
    if (encoded.join() === this.#encoded.join()) return;
    const parsed = encoded.map(parseKey);
    await writeJsonFile(this.#path, { version: 1, keys: encoded });
    this.#encoded = encoded;
    this.#keys = parsed;
  }
}

function parseKey(encoded: string): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(encoded, 'base64'), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw fail('state-damaged', 'A ticket key is not a public key', { cause });
  }
  throw fail('state-damaged', 'A ticket key is not an Ed25519 key');
}
