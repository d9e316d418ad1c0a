import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { checkEntry } from './entry-rules.ts';
import { ID_LENGTH, LONGEST_PATH, LONGEST_XATTR_VALUE } from './limits.ts';
import { readSegment, type Segment, SMALLEST_SEGMENT, writeSegment } from './segments.ts';

export type EntryKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

/** Where a file's bytes are: few segments in the entry itself, many in a tree of segment pages under `pages`. */
export type ContentMap = { inline: Segment[] } | { pages: Buffer };

export interface TreeEntry {
  /** Bytes, '/'-joined, relative; the name of the protected root comes first. */
  path: Buffer;
  kind: EntryKind;
  /** Permission bits, 07777. */
  mode: number;
  uid: number;
  gid: number;
  /** Nanoseconds since 1970, may be negative. */
  mtimeNs: bigint;
  /** Bytes of content; equals the sum of inline segments. */
  size: number;
  linkTarget?: Buffer;
  /** Path of the first name of the same file; such an entry carries no content. */
  hardLink?: Buffer;
  device?: [major: number, minor: number];
  xattrs?: [name: Buffer, value: Buffer][];
  content?: ContentMap;
  /** Protected as a disk image. */
  disk?: true;
}

const KINDS: readonly (EntryKind | undefined)[] = [
  undefined,
  'file',
  'directory',
  'symlink',
  'fifo',
  'socket',
  'character',
  'block',
];
const FLAG = { linkTarget: 1, hardLink: 2, device: 4, xattrs: 8, inline: 16, pages: 32, disk: 64 } as const;
/** Fixed fields of an entry with an empty path: kind, flags, mode, owner, mtime, size, length. */
export const SMALLEST_ENTRY = 30;

function flagsOf(entry: TreeEntry): number {
  let flags = 0;
  if (entry.linkTarget !== undefined) flags |= FLAG.linkTarget;
  if (entry.hardLink !== undefined) flags |= FLAG.hardLink;
  if (entry.device !== undefined) flags |= FLAG.device;
  if (entry.xattrs !== undefined) flags |= FLAG.xattrs;
  if (entry.content !== undefined) flags |= 'inline' in entry.content ? FLAG.inline : FLAG.pages;
  if (entry.disk) flags |= FLAG.disk;
  return flags;
}

/** One entry as it stands in a page; concatenated entries under a page header make a page. */
export function encodeEntry(entry: TreeEntry): Buffer {
  const flaw = checkEntry(entry);
  if (flaw !== undefined) throw fail('format-limit', `${entry.path.toString()} cannot be protected: ${flaw}.`);
  const writer = new ByteWriter(SMALLEST_ENTRY + entry.path.length + 64);
  writer.u8(KINDS.indexOf(entry.kind)).u8(flagsOf(entry)).u16(entry.mode).u32(entry.uid).u32(entry.gid);
  writer.i64(entry.mtimeNs).u64(entry.size);
  writeBytes(writer, entry.path);
  if (entry.linkTarget !== undefined) writeBytes(writer, entry.linkTarget);
  if (entry.hardLink !== undefined) writeBytes(writer, entry.hardLink);
  if (entry.device !== undefined) writer.u32(entry.device[0]).u32(entry.device[1]);
  if (entry.xattrs !== undefined) writeXattrs(writer, entry.xattrs);
  if (entry.content !== undefined) writeContent(writer, entry.content);
  return writer.finish();
}

function writeBytes(writer: ByteWriter, bytes: Buffer): void {
  if (bytes.length > LONGEST_PATH)
    throw fail('format-limit', `A path of ${bytes.length} bytes is over ${LONGEST_PATH}.`);
  writer.u16(bytes.length).bytes(bytes);
}

function writeXattrs(writer: ByteWriter, xattrs: [Buffer, Buffer][]): void {
  writer.u32(xattrs.length);
  for (const [name, value] of xattrs) {
    if (value.length > LONGEST_XATTR_VALUE) {
      throw fail(
        'format-limit',
        `The xattr ${name.toString()} of ${value.length} bytes is over ${LONGEST_XATTR_VALUE}.`,
      );
    }
    writeBytes(writer, name);
    writer.u32(value.length).bytes(value);
  }
}

function writeContent(writer: ByteWriter, content: ContentMap): void {
  if ('pages' in content) {
    writer.bytes(content.pages);
    return;
  }
  writer.u32(content.inline.length);
  for (const segment of content.inline) writeSegment(writer, segment);
}

/** Reads one entry; its buffers are views of the page. */
export function readEntry(reader: ByteReader): TreeEntry {
  const kind = KINDS[reader.u8()];
  if (kind === undefined) throw reader.damaged('an unknown kind of entry');
  const flags = reader.u8();
  if (flags > 127) throw reader.damaged(`unknown flags ${flags}`);
  const entry: TreeEntry = {
    kind,
    mode: reader.u16(),
    uid: reader.u32(),
    gid: reader.u32(),
    mtimeNs: reader.i64(),
    size: reader.u64(),
    path: reader.take(reader.u16()),
  };
  readOptional(reader, entry, flags);
  const flaw = checkEntry(entry);
  if (flaw !== undefined) throw reader.damaged(flaw);
  return entry;
}

function readOptional(reader: ByteReader, entry: TreeEntry, flags: number): void {
  if (flags & FLAG.linkTarget) entry.linkTarget = reader.take(reader.u16());
  if (flags & FLAG.hardLink) entry.hardLink = reader.take(reader.u16());
  if (flags & FLAG.device) entry.device = [reader.u32(), reader.u32()];
  if (flags & FLAG.xattrs) entry.xattrs = readXattrs(reader);
  if (flags & FLAG.inline && flags & FLAG.pages) throw reader.damaged('two kinds of content');
  if (flags & FLAG.inline) entry.content = { inline: readInline(reader) };
  if (flags & FLAG.pages) entry.content = { pages: reader.take(ID_LENGTH) };
  if (flags & FLAG.disk) entry.disk = true;
}

function readXattrs(reader: ByteReader): [Buffer, Buffer][] {
  const count = reader.count(6);
  const xattrs: [Buffer, Buffer][] = [];
  for (let i = 0; i < count; i++) {
    const name = reader.take(reader.u16());
    const length = reader.u32();
    if (length > LONGEST_XATTR_VALUE) throw reader.damaged(`an xattr of ${length} bytes`);
    xattrs.push([name, reader.take(length)]);
  }
  return xattrs;
}

function readInline(reader: ByteReader): Segment[] {
  const count = reader.count(SMALLEST_SEGMENT);
  const segments: Segment[] = [];
  for (let i = 0; i < count; i++) segments.push(readSegment(reader));
  return segments;
}

/** One entry as `encodeEntry` made it; its buffers are views. @throws Failure `format-damaged` */
export function decodeEntry(encoded: Buffer): TreeEntry {
  const reader = new ByteReader(encoded, 'tree entry');
  const entry = readEntry(reader);
  reader.end();
  return entry;
}

/** What can be told of an encoded entry without reading all of it. `path` is a view. */
export interface EntryGlance {
  path: Buffer;
  directory: boolean;
  /** Whether it is a later name of a file. */
  hardLink: boolean;
  /** Bytes of content; undefined for what has none of its own. */
  contentBytes: number | undefined;
}

const SIZE_AT = 20;
const PATH_AT = 30;

/** @throws RangeError if it is shorter than any entry */
export function glanceEntry(encoded: Buffer): EntryGlance {
  const flags = encoded.readUInt8(1);
  const size = encoded.readUInt32BE(SIZE_AT) * 0x1_0000_0000 + encoded.readUInt32BE(SIZE_AT + 4);
  return {
    path: encoded.subarray(PATH_AT, PATH_AT + encoded.readUInt16BE(PATH_AT - 2)),
    directory: encoded.readUInt8(0) === KINDS.indexOf('directory'),
    hardLink: (flags & FLAG.hardLink) !== 0,
    contentBytes: (flags & (FLAG.inline | FLAG.pages)) === 0 ? undefined : size,
  };
}
