import type { RunRecord } from '@sealift/crypto';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** Bytes of a run record: run salt 32, u32 epoch, commitment 32. */
export const RUN_RECORD_LENGTH = 68;

export function writeRun(writer: ByteWriter, run: RunRecord): ByteWriter {
  return writer.bytes(run.runSalt).u32(run.epoch).bytes(run.commitment);
}

export function readRun(reader: ByteReader): RunRecord {
  return { runSalt: reader.bytes(32), epoch: reader.u32(), commitment: reader.bytes(32) };
}
