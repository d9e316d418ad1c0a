import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toFailure } from '@sealift/core';
import { fail } from './failures.ts';

const OTHERS = 0o077;
const MAX_LENGTH = 4096;

/**
 * The text of a file that only its owner may read. When it is missing, it is made with what `create` returns: written
 * aside, synced and linked into place, so that a crash leaves it whole or absent, and of two processes that start
 * together one makes it and both read the same.
 */
export async function readOrCreateSecretFile(path: string, create: () => string): Promise<string> {
  try {
    return (await read(path)) ?? (await createThenRead(path, create()));
  } catch (thrown) {
    throw toFailure(thrown);
  }
}

async function read(path: string): Promise<string | undefined> {
  const file = await open(path, 'r').catch(ifCode('ENOENT', undefined));
  if (file === undefined) return undefined;
  await using _closing = closing(file);
  const { mode } = await file.stat();
  if ((mode & OTHERS) !== 0) {
    throw fail(
      'master-key-exposed',
      `${path} has mode 0${(mode & 0o777).toString(8)}: others than its owner may use it.`,
    );
  }
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_LENGTH), 0, MAX_LENGTH, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

async function createThenRead(path: string, text: string): Promise<string> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await writeSynced(aside, text);
    await link(aside, path).catch(ifCode('EEXIST', undefined));
  } finally {
    await unlink(aside).catch(ifCode('ENOENT', undefined));
  }
  await syncFolder(dirname(path));
  const stored = await read(path);
  if (stored === undefined) throw fail('master-key-invalid', `${path} vanished while it was being made.`);
  return stored;
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  await using _closing = closing(file);
  await file.writeFile(text);
  await file.sync();
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await using _closing = closing(folder);
  await folder.sync();
}

function closing(file: FileHandle): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => file.close() };
}

function ifCode<T>(code: string, value: T): (thrown: NodeJS.ErrnoException) => T {
  return (thrown) => {
    if (thrown.code === code) return value;
    throw thrown;
  };
}
