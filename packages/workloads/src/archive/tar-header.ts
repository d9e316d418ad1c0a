import { isUtf8 } from 'node:buffer';
import type { EntryKind, EntryMetadata } from '../entry.ts';
import { paxRecord, paxTime } from './pax.ts';

/*
 * Headers of a tar archive in the pax format (POSIX.1-2001), with extended attributes as SCHILY.xattr.* and sparse files as
 * GNU.sparse 1.0. Names and values may be any bytes, which is why no library writes them.
 */

const BLOCK = 512;
const LONGEST_NAME = 100;
const MOST_OCTAL = { id: 0o7777777, size: 0o77777777777, time: 0o77777777777n } as const;
const TYPE: Partial<Record<EntryKind, string>> = {
  file: '0',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** A stretch of a file that is stored; what lies between is a hole. Bytes. */
export interface TarExtent {
  offset: number;
  length: number;
}

/** True for what a tar archive can hold: everything but sockets. */
export function fitsTar({ kind }: Pick<EntryMetadata, 'kind'>): boolean {
  return TYPE[kind] !== undefined;
}

/**
 * All that stands before the content of an entry. `entry.path` and `entry.hardLink` are the names in the archive.
 * @param extents of a sparse file: what follows is then the content of these alone
 */
export function tarHeader(entry: EntryMetadata, extents?: TarExtent[]): Buffer {
  const records = [...identity(entry, extents !== undefined), ...attributes(entry)];
  if (extents === undefined) {
    const size = entry.kind === 'file' && entry.hardLink === undefined ? entry.size : 0;
    return withRecords(entry, entry.path, size, records);
  }
  const map = sparseMap(extents, entry.size);
  const stored = extents.reduce((sum, { length }) => sum + length, map.length);
  records.push(
    paxRecord('GNU.sparse.major', '1'),
    paxRecord('GNU.sparse.minor', '0'),
    paxRecord('GNU.sparse.name', entry.path),
    paxRecord('GNU.sparse.realsize', String(entry.size)),
  );
  const shown = Buffer.concat([Buffer.from('GNUSparseFile.0/'), entry.path.subarray(entry.path.lastIndexOf('/') + 1)]);
  return Buffer.concat([withRecords(entry, shown, stored, records), map]);
}

/** Zeros that fill the last block of so many bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Two empty blocks. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

function sparseMap(extents: TarExtent[], size: number): Buffer {
  const last = extents.at(-1);
  const end = last === undefined ? 0 : last.offset + last.length;
  // A hole at the end is known by an empty stretch behind it.
  const all = end === size ? extents : [...extents, { offset: size, length: 0 }];
  const map = Buffer.from(
    [String(all.length), ...all.flatMap(({ offset, length }) => [offset, length]), ''].join('\n'),
  );
  return Buffer.concat([map, tarPadding(map.length)]);
}

function identity(entry: EntryMetadata, sparse: boolean): Buffer[] {
  const { path, linkTarget, hardLink, uid, gid, mtimeNs } = entry;
  const link = hardLink ?? linkTarget;
  const records: Buffer[] = [];
  if (![path, link ?? path].every(isUtf8)) records.push(paxRecord('hdrcharset', 'BINARY'));
  if (!sparse && needsRecord(archiveName(entry))) records.push(paxRecord('path', archiveName(entry)));
  if (link !== undefined && needsRecord(link)) records.push(paxRecord('linkpath', link));
  if (uid > MOST_OCTAL.id) records.push(paxRecord('uid', String(uid)));
  if (gid > MOST_OCTAL.id) records.push(paxRecord('gid', String(gid)));
  if (mtimeNs % 1_000_000_000n !== 0n || octalTime(mtimeNs) === undefined)
    records.push(paxRecord('mtime', paxTime(mtimeNs)));
  return records;
}

function attributes({ xattrs = [] }: EntryMetadata): Buffer[] {
  return xattrs.map(([name, value]) => paxRecord(Buffer.concat([Buffer.from('SCHILY.xattr.'), name]), value));
}

function archiveName({ path, kind }: EntryMetadata): Buffer {
  return kind === 'directory' ? Buffer.concat([path, Buffer.from('/')]) : path;
}

function needsRecord(name: Buffer): boolean {
  return name.length > LONGEST_NAME || name.some((byte) => byte > 0x7e || byte < 0x20);
}

function octalTime(ns: bigint): bigint | undefined {
  return ns >= 0n && ns / 1_000_000_000n <= MOST_OCTAL.time ? ns / 1_000_000_000n : undefined;
}

function withRecords(entry: EntryMetadata, name: Buffer, size: number, records: Buffer[]): Buffer {
  if (size > MOST_OCTAL.size) records.push(paxRecord('size', String(size)));
  const shown = entry.kind === 'directory' ? archiveName(entry) : name;
  const header = block({ ...fieldsOf(entry), name: shown, size });
  if (records.length === 0) return header;
  const extended = Buffer.concat(records);
  const before = block({ name: Buffer.from('PaxHeaders/entry'), type: 'x', size: extended.length });
  return Buffer.concat([before, extended, tarPadding(extended.length), header]);
}

interface Fields {
  name: Buffer;
  type: string;
  size: number;
  mode?: number;
  uid?: number;
  gid?: number;
  mtime?: number;
  link?: Buffer;
  device?: [number, number];
}

function fieldsOf({
  kind,
  mode,
  uid,
  gid,
  mtimeNs,
  linkTarget,
  hardLink,
  device,
}: EntryMetadata): Omit<Fields, 'name' | 'size'> {
  const link = hardLink ?? linkTarget;
  return {
    type: hardLink === undefined ? (TYPE[kind] as string) : '1',
    mode,
    uid: uid > MOST_OCTAL.id ? 0 : uid,
    gid: gid > MOST_OCTAL.id ? 0 : gid,
    mtime: Number(octalTime(mtimeNs) ?? 0n),
    ...(link === undefined ? {} : { link }),
    ...(device === undefined ? {} : { device }),
  };
}

function block({ name, type, size, mode = 0o644, uid = 0, gid = 0, mtime = 0, link, device }: Fields): Buffer {
  const header = Buffer.alloc(BLOCK);
  name.copy(header, 0, 0, LONGEST_NAME);
  octal(header, 100, 8, mode);
  octal(header, 108, 8, uid);
  octal(header, 116, 8, gid);
  octal(header, 124, 12, size > MOST_OCTAL.size ? 0 : size);
  octal(header, 136, 12, mtime);
  header.write(type, 156, 'latin1');
  link?.copy(header, 157, 0, LONGEST_NAME);
  header.write('ustar\x0000', 257, 'latin1');
  octal(header, 329, 8, device?.[0] ?? 0);
  octal(header, 337, 8, device?.[1] ?? 0);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function octal(header: Buffer, at: number, length: number, value: number): void {
  header.write(
    value
      .toString(8)
      .padStart(length - 1, '0')
      .slice(-(length - 1)),
    at,
    'latin1',
  );
}
