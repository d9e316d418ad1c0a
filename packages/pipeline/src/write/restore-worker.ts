import { fstatSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { releaseMemory, StageClock } from '@sealift/core';
import { CHUNK_TYPE, chunkId, decodeBundle } from '@sealift/crypto';
import { type EntryMetadata, type OutputFile, TreeWriter } from '@sealift/workloads';
import { chunkOpener } from '../decrypt/chunk-opener.ts';
import { asBuffer, ownBuffer, ThreadChannel } from '../threads/channel.ts';
import { unpackEntries } from './entry-packing.ts';
import { readTwin } from './read-twin.ts';
import {
  type BundleResult,
  type BundleWork,
  type PieceWork,
  type RestoreMainMethods,
  type RestoreWorkerData,
  type RestoreWorkerMethods,
  TWIN,
  type TwinWork,
} from './restore-messages.ts';
import { writePiece } from './write-piece.ts';

const { destination, overwrite, keys, clock: clockMemory } = workerData as RestoreWorkerData;
const clock = new StageClock(clockMemory);
const openStored = chunkOpener(keys);
const open: typeof openStored = (...of) => clock.time('open', () => openStored(...of));
const below = Buffer.from(`${destination}/`);
const outputs = new Map<number, OutputFile>();
const done = { result: undefined };

const main = new ThreadChannel<RestoreMainMethods, RestoreWorkerMethods>(parentPort as NonNullable<typeof parentPort>, {
  makeDirectories: async (entries) => {
    for (const entry of unpackEntries(entries)) writer.makeDirectory(entry);
    return done;
  },
  settle: async ({ places, path }) => {
    for (const entry of unpackEntries(places)) writer.place(entry);
    writer.settle(asBuffer(path));
    return done;
  },
  finishDirectories: async () => {
    writer.finish();
    return done;
  },
  bundle: async (work) => ({ result: writeMembers(work) }),
  twins: async (work) => ({ result: writeTwins(work) }),
  empty: async (entries) => ({ result: unpackEntries(entries).filter((entry) => writeWhole(entry)).length }),
  open: async (entry) => ({ result: openOutput(unpackEntries(entry)[0] as EntryMetadata) }),
  write: async (work) => {
    writeStored(work);
    return done;
  },
  hole: async ({ fd, offset, length }) => {
    outputs.get(fd)?.zeroAt(offset, length);
    return done;
  },
  finish: async (fd) => ({ result: end(fd)?.finish() ?? false }),
  discard: async (fd) => {
    end(fd)?.discard();
    return done;
  },
});

const writer = new TreeWriter(destination, {
  overwrite,
  special: true,
  onWarning: ({ path, code, message }) => {
    main.call('warn', { path: ownBuffer(Buffer.from(path)), code, message }).catch(() => {});
  },
});

function writeMembers({ entries, ordinals, bundle }: BundleWork): BundleResult {
  const stored = { type: bundle.type, body: asBuffer(bundle.body) };
  const plaintext = open(stored, CHUNK_TYPE.bundle, asBuffer(bundle.id));
  const members = decodeBundle(plaintext);
  const restored = clock.time('write', () =>
    unpackEntries(entries).map((entry, i) => Number(writeWhole(entry, members.contents(ordinals[i] as number)))),
  );
  const ids = ownBuffer(Buffer.concat(ordinals.map((ordinal) => members.id(ordinal))));
  releaseMemory(plaintext);
  releaseMemory(stored.body);
  return { restored: Uint8Array.from(restored), ids };
}

function writeTwins({ entries, paths, ids }: TwinWork): Uint8Array {
  return Uint8Array.from(unpackEntries(entries), (entry, i) => {
    const path = Buffer.concat([below, paths[i] as Uint8Array]);
    const contents = clock.time('read', () => readTwin(path, entry.size));
    const id = asBuffer(ids).subarray(i * 32, i * 32 + 32);
    // Whatever lies there by now: only the right contents have this id.
    const same =
      contents !== undefined && clock.time('hash', () => chunkId(keys.idKey, CHUNK_TYPE.data, contents).equals(id));
    if (!same) return TWIN.unlike;
    return clock.time('write', () => writeWhole(entry, contents)) ? TWIN.restored : TWIN.refused;
  });
}

function writeWhole(entry: EntryMetadata, contents?: Buffer): boolean {
  const output = writer.openOutput(entry);
  if (output === undefined) return false;
  try {
    if (contents !== undefined) output.writeAt(0, contents.subarray(0, entry.size));
  } catch (thrown) {
    output.discard();
    throw thrown;
  }
  return output.finish();
}

function openOutput(entry: EntryMetadata) {
  const output = writer.openOutput(entry);
  if (output === undefined) return undefined;
  outputs.set(output.fd, output);
  return { fd: output.fd, sparse: !fstatSync(output.fd).isBlockDevice() };
}

function writeStored({ fd, sparse, disk, offset, piece }: PieceWork): void {
  const stored = { type: piece.type, body: asBuffer(piece.body) };
  const plaintext = open(stored, CHUNK_TYPE.data, asBuffer(piece.id));
  clock.time('write', () => writePiece(fd, offset, plaintext, sparse && disk));
  releaseMemory(plaintext);
  releaseMemory(stored.body);
}

function end(fd: number): OutputFile | undefined {
  const output = outputs.get(fd);
  outputs.delete(fd);
  return output;
}
