import type { EntryMetadata } from '../entry.ts';

/** A stretch of a file inside a disk, in order: where its bytes are, the bytes themselves, or that there are none. */
export type FileStretch =
  | { kind: 'disk'; offset: number; length: number }
  | { kind: 'bytes'; bytes: Buffer }
  | { kind: 'hole'; length: number };

/** What a filesystem tells of a file, apart from its name. */
export type InsideMetadata = Omit<EntryMetadata, 'path' | 'hardLink' | 'disk'>;

/** A file or folder inside a filesystem that is read where it lies. All of it is what somebody wrote to a disk: hostile. */
export interface InsideFile {
  readonly metadata: InsideMetadata;
  /** The same for the same folder of a filesystem, under whatever name. */
  readonly identity: number;
  /** Names in a folder, in no order, without `.` and `..`, each without a slash or NUL. @throws Failure for what is none */
  names(): AsyncIterable<InsideName>;
  /** Offsets are within the section that the filesystem lies in. */
  content(): AsyncIterable<FileStretch>;
}

export interface InsideName {
  name: Buffer;
  open: () => Promise<InsideFile>;
}

export interface InsideFilesystem {
  /** As its tools call it: `ext4`. */
  readonly type: string;
  readonly root: InsideFile;
}
