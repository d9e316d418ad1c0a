import { type RunKey, sealInner } from '@sealift/crypto';
import { sha256 } from '../format/checksum.ts';
import type { PackEntry } from '../format/pack-footer.ts';
import { encodeRecordHeader, recordLength } from '../format/pack-record.ts';
import type { RecordToWrite } from '../pack-file.ts';
import { splitRecord } from '../pack-scan.ts';
import type { Resealing } from '../upkeep/collection.ts';
import type { RepositoryEncryption } from './repository-encryption.ts';

/** Opens chunks with whatever master key they were sealed under, and seals them under the present one. */
export function resealing(encryption: RepositoryEncryption): Resealing {
  const run = encryption.newRun();
  const { runSalt, epoch, commitment } = run;
  return {
    concerns: ({ masterEpoch }) => masterEpoch !== undefined && masterEpoch !== epoch,
    run: { runSalt, epoch, commitment },
    record: (stored, bytes) => sealedAnew(encryption, run, stored, bytes),
  };
}

function sealedAnew(encryption: RepositoryEncryption, run: RunKey, stored: PackEntry, bytes: Buffer): RecordToWrite {
  const { id, type, members } = stored;
  const { body: before } = splitRecord(bytes as Buffer<ArrayBuffer>);
  const body = sealInner(run, { type, id }, encryption.unseal({ type, id }, before));
  const checksum = sha256(body);
  const head = { id, type, checksum, memberCount: members.length / 32, bodyLength: body.length };
  const entry = { id, type, checksum, members };
  return { entry, parts: [encodeRecordHeader(head, members), members, body], length: recordLength(head) };
}
