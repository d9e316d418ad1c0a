import { type Static, Type } from 'typebox';
import { ArchiveFormat } from '../download/format.ts';
import { bytes, Count, Digest, Instant, Mode, PathBytes, record, text, Uuid } from './fields.ts';
import { EntryFields, EntryKind, OtherAuthority } from './tasks.ts';

/** At most this many entries in one page of `point.entries`: a page of the longest names stays under the frame limit. */
export const MAX_ENTRIES_PAGE = 100;
/** At most this many in one page of `point.find`, which also ends when its names have become long. */
export const MAX_FOUND_PAGE = 500;

/** A recovery point that a source Transporter looks into for somebody, with the ticket and keys of `taskId`. */
const look = {
  taskId: Uuid,
  jobId: Uuid,
  pointId: Uuid,
  repositoryId: Uuid,
  mode: Mode,
  authority: OtherAuthority,
};

/** What is searched for. Everything that is given must hold. */
export const EntryFilter = record({
  /** A pattern as of exclude rules: without a slash for a name at any depth, with one for a path from the top. */
  name: Type.Optional(text(1024)),
  /** Part of the name, upper and lower case alike. */
  contains: Type.Optional(text(255)),
  kind: Type.Optional(EntryKind),
  /** Bytes, these included. Entries that are no files have no size. */
  larger: Type.Optional(Count),
  smaller: Type.Optional(Count),
  /** Modified at this time or later, or before it. */
  newer: Type.Optional(Instant),
  older: Type.Optional(Instant),
});
export type EntryFilter = Static<typeof EntryFilter>;

/**
 * In the filesystems of the disk that `path` names: a path there, relative; empty for the top of the disk. Entries and
 * cursors are then paths there, too.
 */
const Inside = Type.Optional(PathBytes);

export const LOOK_METHODS = {
  /** One page of a folder of a recovery point. */
  'point.entries': {
    caller: 'director',
    params: record({
      ...look,
      /** Folder to list; empty for the top. */
      path: PathBytes,
      inside: Inside,
      limit: Type.Integer({ minimum: 1, maximum: MAX_ENTRIES_PAGE }),
      cursor: Type.Optional(PathBytes),
    }),
    result: record({
      entries: Type.Array(EntryFields, { maxItems: MAX_ENTRIES_PAGE }),
      next: Type.Optional(PathBytes),
    }),
  },
  /**
   * A stretch of a search through everything below a folder, in tree order. It ends after so many entries, or when it has
   * read as much as one call may: a page may be empty and have a `next`.
   */
  'point.find': {
    caller: 'director',
    params: record({
      ...look,
      /** Folder to search in; empty for the whole point. */
      path: PathBytes,
      inside: Inside,
      filter: EntryFilter,
      limit: Type.Integer({ minimum: 1, maximum: MAX_FOUND_PAGE }),
      cursor: Type.Optional(PathBytes),
    }),
    result: record({
      entries: Type.Array(EntryFields, { maxItems: MAX_FOUND_PAGE }),
      next: Type.Optional(PathBytes),
    }),
  },
  /** One entry by its path, with what tells versions of a file apart. Absent when the point does not hold it. */
  'point.stat': {
    caller: 'director',
    params: record({ ...look, path: bytes(4096, 1), inside: Inside }),
    result: record({ entry: Type.Optional(EntryFields) }),
  },
  /**
   * Sends a file, or an archive of a folder, over a relay of `taskId`, sealed to the key of whoever asked. Answered when it is
   * over; what fails before the relay is opened is the answer.
   */
  'point.download': {
    caller: 'director',
    params: record({
      ...look,
      path: bytes(4096, 1),
      inside: Inside,
      format: ArchiveFormat,
      publicKey: bytes(1216, 1216),
    }),
    result: record({}),
  },
  /** Opens a recovery point and decrypts a sample of it, writing nothing. */
  'point.sample': {
    caller: 'director',
    params: record({
      ...look,
      /** SHA-256 of the recovery point that is expected. */
      hash: Digest,
      /** Files to read from, chosen at random. */
      files: Type.Integer({ minimum: 1, maximum: 1000 }),
    }),
    result: record({ files: Count, chunks: Count, bytes: Count }),
  },
} as const;
