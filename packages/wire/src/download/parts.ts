import { type Static, Type } from 'typebox';
import { Count, record, text } from '../control/fields.ts';
import { EntryKind } from '../control/tasks.ts';
import type { ArchiveFormat } from './format.ts';

/*
 * A download: the contents of a file, or an archive of a folder, on the way from a source Transporter to whoever asked,
 * sealed to a key that only they have. The Director passes it on and cannot read it.
 */

/** Types of the records. The first is a head, the last but END, if it failed, a failure. */
export const DOWNLOAD_RECORD = { head: 1, data: 2, warning: 3, failure: 4 } as const;

/** Longest record of a download, bytes. */
export const MAX_DOWNLOAD_RECORD = 1024 * 1024;

/** What comes, before it comes. */
export const Head = record({
  kind: EntryKind,
  format: Type.Union([Type.Literal('file'), Type.Literal('tar'), Type.Literal('zip')]),
  /** Bytes of the file; absent for a folder. */
  size: Type.Optional(Count),
});
export type DownloadHead = Static<typeof Head>;

/** Something that is not in the archive, or not as it was. `path` is base64url. */
export const Missed = record({ path: text(5462), code: text(64), message: text(1024) });

export type DownloadPart =
  | { kind: 'head'; head: DownloadHead }
  | { kind: 'data'; bytes: Buffer }
  | { kind: 'warning'; path: Buffer; code: string; message: string };

export interface DownloadWanted {
  pointId: string;
  path: Buffer;
  /** Path on the disk that `path` names. */
  inside?: Buffer | undefined;
  format: ArchiveFormat;
}

/** What was asked for; a stream that answers something else does not open. */
export function downloadContext(o: DownloadWanted): Buffer {
  const { pointId, path, inside, format } = o;
  const context = [Buffer.from(`sealift/v1/download\0${pointId}\0${format}\0`), path];
  // No path holds a NUL.
  return Buffer.concat(inside === undefined ? context : [...context, Buffer.of(0), inside]);
}
