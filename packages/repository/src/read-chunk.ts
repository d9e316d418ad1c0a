import { Failure } from '@sealift/core';
import type { ChunkType } from '@sealift/crypto';
import type { RepositoryEncryption } from './at-rest/repository-encryption.ts';
import { fail } from './failures.ts';
import { sha256InBackground } from './format/checksum.ts';
import type { FoundChunk, PackTable } from './index/pack-table.ts';
import { splitRecord } from './pack-scan.ts';
import type { RecordReader } from './read-record.ts';
import type { Store } from './store/store.ts';

/** A chunk may be moved, and the key it was sealed under erased, between reading and opening it; both again and again. */
const ATTEMPTS = 4;

/** Where a chunk is read, and what opens it. */
export interface ReadFrom {
  records: RecordReader;
  /** The table is replaced when a reader builds it anew. */
  parts: { store: Store; table: PackTable };
  /** Of a chunk that is sealed by the repository. */
  encryption: RepositoryEncryption | undefined;
}

interface ReadChunk {
  type: ChunkType;
  /** Ids of the members of a bundle, end to end. */
  members: Buffer;
  body: Buffer;
}

/** A chunk, compared with its checksum and opened where the repository has sealed it. */
export async function readChunk(
  from: ReadFrom,
  { zone, id }: { zone: Buffer; id: Buffer },
  signal: AbortSignal | undefined,
): Promise<ReadChunk> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const { found, bytes } = await from.records.read(zone, id);
    signal?.throwIfAborted();
    try {
      return await openRecord(bytes, { found, id, encryption: from.encryption });
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.kind !== 'corrupt') throw thrown;
      if (attempt < ATTEMPTS && stoodElsewhere(found, from.parts.table.chunk(zone, id))) continue;
      const where = `pack ${found.in.name} in ${from.parts.store.location}`;
      throw fail('chunk-damaged', `Chunk ${id.toString('hex')} in ${where} is damaged: ${thrown.message}`, {
        cause: thrown,
      });
    }
  }
}

async function openRecord(
  bytes: Buffer<ArrayBuffer>,
  { found, id, encryption }: { found: FoundChunk; id: Buffer; encryption: RepositoryEncryption | undefined },
): Promise<ReadChunk> {
  const { head, members, body, complete } = splitRecord(bytes);
  if (!complete || head.type !== found.type || !head.id.equals(id))
    throw fail('format-damaged', 'It holds another chunk.');
  if (!(await sha256InBackground(body)).equals(head.checksum))
    throw fail('format-damaged', 'Its checksum does not hold.');
  return { type: head.type, members, body: encryption === undefined ? body : encryption.unseal(head, body) };
}

function stoodElsewhere(then: FoundChunk, now: FoundChunk | undefined): boolean {
  return now !== undefined && (now.in !== then.in || now.offset !== then.offset);
}
