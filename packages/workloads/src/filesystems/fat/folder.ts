import { isName } from '../names.ts';

export interface FatEntry {
  name: Buffer;
  folder: boolean;
  readOnly: boolean;
  cluster: number;
  size: number;
  mtimeNs: bigint;
}

const ENTRY = 32;
const ATTRIBUTE = { readOnly: 0x01, volume: 0x08, folder: 0x10, longName: 0x0f };
const LOWER = { base: 0x08, extension: 0x10 };
const DELETED = 0xe5;

/** Reads entries one after the other; long names stand in front of what they belong to. */
export class FatFolder {
  #long: { checksum: number; parts: string[] } | undefined;

  /** @returns `end` behind the last one */
  *take(bytes: Buffer): Generator<FatEntry | 'end', void, undefined> {
    for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
      const entry = bytes.subarray(at, at + ENTRY);
      const first = entry.readUInt8(0);
      if (first === 0) {
        yield 'end';
        return;
      }
      const attributes = entry.readUInt8(11);
      if (first === DELETED) this.#long = undefined;
      else if ((attributes & 0x3f) === ATTRIBUTE.longName) this.#addLong(entry);
      else {
        const found = this.#entry(entry, attributes);
        this.#long = undefined;
        if ((attributes & ATTRIBUTE.volume) === 0 && isName(found.name)) yield found;
      }
    }
  }

  #addLong(entry: Buffer): void {
    const checksum = entry.readUInt8(13);
    const units = [...range(entry, 1, 5), ...range(entry, 14, 6), ...range(entry, 28, 2)];
    const end = units.indexOf(0);
    const text = String.fromCharCode(...(end < 0 ? units : units.slice(0, end)));
    // The last part comes first.
    if ((entry.readUInt8(0) & 0x40) !== 0) this.#long = { checksum, parts: [text] };
    else if (this.#long?.checksum === checksum && this.#long.parts.length < 20) this.#long.parts.unshift(text);
    else this.#long = undefined;
  }

  #entry(entry: Buffer, attributes: number): FatEntry {
    const long = this.#long?.checksum === checksumOf(entry) ? this.#long.parts.join('') : undefined;
    return {
      name: Buffer.from(long ?? shortName(entry)),
      folder: (attributes & ATTRIBUTE.folder) !== 0,
      readOnly: (attributes & ATTRIBUTE.readOnly) !== 0,
      cluster: entry.readUInt16LE(20) * 65_536 + entry.readUInt16LE(26),
      size: entry.readUInt32LE(28),
      mtimeNs: timeOf(entry.readUInt16LE(24), entry.readUInt16LE(22)),
    };
  }
}

function* range(entry: Buffer, at: number, count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield entry.readUInt16LE(at + i * 2);
}

function checksumOf(entry: Buffer): number {
  let sum = 0;
  for (const byte of entry.subarray(0, 11)) sum = ((sum >> 1) + ((sum & 1) << 7) + byte) & 0xff;
  return sum;
}

/** In a code page that the filesystem does not tell; taken for Latin-1. */
function shortName(entry: Buffer): string {
  const cased = entry.readUInt8(12);
  const part = (from: number, to: number, lower: number) => {
    const text = entry.toString('latin1', from, to).trimEnd();
    return (cased & lower) === 0 ? text : text.toLowerCase();
  };
  const base = part(0, 8, LOWER.base);
  const extension = part(8, 11, LOWER.extension);
  return extension === '' ? base : `${base}.${extension}`;
}

/** Of a clock in an unknown zone; taken for UTC. */
function timeOf(date: number, time: number): bigint {
  const year = 1980 + (date >> 9);
  const ms = Date.UTC(year, ((date >> 5) & 15) - 1, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2);
  return BigInt(ms) * 1_000_000n;
}
