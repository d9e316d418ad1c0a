import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Identity, parseCertificate } from '@sealift/crypto';
import { type Static, Type } from 'typebox';
import type { TransporterRole } from '../config.ts';
import { fail } from '../failures.ts';
import type { DataFolder } from '../storage/data-folder.ts';
import { readIfPresent, writeDurably } from '../storage/durable-file.ts';
import { UUID_PATTERN } from '../storage/identifiers.ts';
import { readJsonFile, writeJsonFile } from '../storage/json-file.ts';

const Pem = Type.String({ minLength: 1, maxLength: 64 * 1024 });

const StoredSchema = Type.Object({
  version: Type.Literal(1),
  id: Type.String({ pattern: UUID_PATTERN }),
  name: Type.String({ maxLength: 64 }),
  role: Type.Union([Type.Literal('source'), Type.Literal('target'), Type.Literal('agent')]),
  certificate: Pem,
  authority: Pem,
  controlUrl: Type.String({ maxLength: 512 }),
  /** Name of the file in the folder of keys. */
  key: Type.String({ pattern: '^[0-9a-f]{16}\\.pem$' }),
});

/** Who this Transporter is, once a Director has admitted it. */
export interface Enrolled {
  identity: Identity;
  name: string;
  role: TransporterRole;
  /** Where the Director waits for control connections, wss://host:port. */
  controlUrl: string;
  /** File of the private key, below the folder of keys. */
  keyFile: string;
}

/** Puts a new private key on disk, durably and readable by its owner only, before anybody is told of it. */
export async function storeKey(folder: DataFolder, key: KeyObject): Promise<string> {
  const name = `${randomBytes(8).toString('hex')}.pem`;
  await writeDurably(join(folder.keys, name), key.export({ type: 'pkcs8', format: 'pem' }));
  return name;
}

/** Makes `enrolled` the identity in one step, and removes the keys that no identity names any more. */
export async function storeIdentity(folder: DataFolder, enrolled: Enrolled): Promise<void> {
  const { identity, name, role, controlUrl, keyFile } = enrolled;
  const { id, certificate, authority } = identity;
  const stored: Static<typeof StoredSchema> = {
    version: 1,
    id,
    name,
    role,
    certificate,
    authority,
    controlUrl,
    key: keyFile,
  };
  await writeJsonFile(folder.identity, stored);
  const others = (await readdir(folder.keys)).filter((file) => file !== keyFile);
  await Promise.all(others.map((file) => rm(join(folder.keys, file), { force: true })));
}

/** The identity of an earlier enrolment, or undefined. */
export async function loadIdentity(folder: DataFolder): Promise<Enrolled | undefined> {
  const stored = await readJsonFile(folder.identity, StoredSchema);
  if (stored === undefined) return undefined;
  const { id, name, role, certificate, authority, controlUrl, key: keyFile } = stored;
  const privateKey = await readKey(join(folder.keys, keyFile));
  if (!belongTogether(privateKey, certificate)) {
    throw fail('state-damaged', `The key ${keyFile} does not belong to the certificate in ${folder.identity}`);
  }
  return { identity: { id, privateKey, certificate, authority }, name, role, controlUrl, keyFile };
}

/** Whether the certificate was issued for this key. */
export function belongTogether(privateKey: KeyObject, certificate: string): boolean {
  return createPublicKey(privateKey).equals(parseCertificate(certificate).publicKey);
}

async function readKey(path: string): Promise<KeyObject> {
  const pem = await readIfPresent(path);
  if (pem === undefined) throw fail('state-damaged', `The private key ${path} is missing`);
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw fail('state-damaged', `${path} is not a private key`, { cause });
  }
}
