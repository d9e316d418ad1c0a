import { fail } from '../../failures.ts';
import type { FileStretch, InsideFile, InsideMetadata, InsideName } from '../filesystem.ts';
import { type Attribute, attributesOf, fromDisk } from './attributes.ts';
import { type BlockRun, extentRuns, indirectRuns } from './block-map.ts';
import type { Blocks } from './blocks.ts';
import { folderEntries } from './folder.ts';
import { deviceOf, FLAG, type Inode } from './inode.ts';

/** What of an ext its files are read with. */
export interface ExtVolume {
  blocks: Blocks;
  open: (inode: number) => Promise<InsideFile>;
}

const LONGEST_LINK = 4096;
/** Most blocks of a folder, some 25 million names. */
const LARGEST_FOLDER = 262_144;
const INLINE_CONTENT = 'system.data';
/** In an inline folder, the folder above comes before the names. */
const INLINE_PARENT = 4;

export class ExtFile implements InsideFile {
  readonly metadata: InsideMetadata;
  readonly #volume: ExtVolume;
  readonly #inode: Inode;
  readonly #attributes: Attribute[];

  private constructor(volume: ExtVolume, inode: Inode, attributes: Attribute[], metadata: InsideMetadata) {
    this.#volume = volume;
    this.#inode = inode;
    this.#attributes = attributes;
    this.metadata = metadata;
  }

  /** @throws Failure `filesystem-damaged` */
  static async open(volume: ExtVolume, inode: Inode): Promise<ExtFile> {
    const { kind, mode, uid, gid, mtimeNs, size } = inode;
    if (kind === undefined) throw fail('filesystem-damaged', `Inode ${inode.number} is of no known kind.`);
    if (!Number.isSafeInteger(size)) throw fail('filesystem-damaged', `Inode ${inode.number} is larger than any file.`);
    const attributes = await attributesOf(volume.blocks, inode);
    const xattrs = attributes.flatMap((attribute) => {
      const given = attribute[0].toString('latin1') === INLINE_CONTENT ? undefined : fromDisk(attribute);
      return given === undefined ? [] : [given];
    });
    const metadata = { kind, mode, uid, gid, mtimeNs, size: kind === 'file' ? size : 0, xattrs };
    const file = new ExtFile(volume, inode, attributes, metadata);
    if (kind === 'symlink') Object.assign(metadata, { linkTarget: await file.#linkTarget() });
    if (kind === 'block' || kind === 'character') Object.assign(metadata, { device: deviceOf(inode) });
    return file;
  }

  get identity(): number {
    return this.#inode.number;
  }

  async *names(): AsyncGenerator<InsideName, void, undefined> {
    const { kind, number } = this.#inode;
    if (kind !== 'directory') throw fail('filesystem-damaged', `Inode ${number} is no folder.`);
    for await (const block of this.#folderBlocks()) {
      for (const { name, inode } of folderEntries(block)) {
        yield { name, open: () => this.#volume.open(inode) };
      }
    }
  }

  async *content(): AsyncGenerator<FileStretch, void, undefined> {
    const { size, flags } = this.#inode;
    this.#refuseEncrypted();
    if ((flags & FLAG.inline) !== 0) {
      yield { kind: 'bytes', bytes: this.#inline() };
      return;
    }
    const blockSize = this.#volume.blocks.size;
    let at = 0;
    for await (const run of this.#runs()) {
      const start = Math.min(size, run.at * blockSize);
      if (start > at) yield { kind: 'hole', length: start - at };
      const length = Math.min(size, (run.at + run.count) * blockSize) - start;
      if (length <= 0) continue;
      yield* this.#stretches(run, length);
      at = start + length;
    }
    if (at < size) yield { kind: 'hole', length: size - at };
  }

  async *#stretches({ first, count }: BlockRun, length: number): AsyncGenerator<FileStretch, void, undefined> {
    const { blocks } = this.#volume;
    if (first === undefined) yield { kind: 'hole', length };
    else if (!blocks.journaled(first, count)) yield { kind: 'disk', offset: first * blocks.size, length };
    else {
      for (let i = 0; i * blocks.size < length; i++) {
        yield { kind: 'bytes', bytes: (await blocks.read(first + i)).subarray(0, length - i * blocks.size) };
      }
    }
  }

  #runs(): AsyncGenerator<BlockRun, void, undefined> {
    const { blocks } = this.#volume;
    const { flags, map, size } = this.#inode;
    if ((flags & FLAG.extents) !== 0) return extentRuns(blocks, map);
    return indirectRuns(blocks, map, Math.ceil(size / blocks.size));
  }

  async *#folderBlocks(): AsyncGenerator<Buffer, void, undefined> {
    this.#refuseEncrypted();
    const { blocks } = this.#volume;
    const { flags, map, size } = this.#inode;
    if ((flags & FLAG.inline) !== 0) {
      yield map.subarray(INLINE_PARENT);
      const rest = this.#inline().subarray(map.length);
      if (rest.length > 0) yield rest;
      return;
    }
    const count = Math.min(LARGEST_FOLDER, Math.ceil(size / blocks.size));
    for await (const { at, first, count: length } of this.#runs()) {
      if (first === undefined) continue;
      for (let i = 0; i < length && at + i < count; i++) yield await blocks.read(first + i);
    }
  }

  /** A content that fits beside the inode: its beginning where the map would be, the rest as an attribute. */
  #inline(): Buffer {
    const { map, size } = this.#inode;
    const rest = this.#attributes.find(([name]) => name.toString('latin1') === INLINE_CONTENT)?.[1];
    const all = Buffer.concat([map, rest ?? Buffer.alloc(0)]);
    if (size > all.length) throw fail('filesystem-damaged', `Inode ${this.#inode.number} lacks its content.`);
    return all.subarray(0, size);
  }

  async #linkTarget(): Promise<Buffer> {
    const { map, size, flags } = this.#inode;
    if (size > LONGEST_LINK) throw fail('filesystem-damaged', 'A link is longer than any.');
    if ((flags & FLAG.encrypted) !== 0) return Buffer.from('(encrypted)');
    if (size < map.length && (flags & (FLAG.extents | FLAG.inline)) === 0) return Buffer.from(map.subarray(0, size));
    const { blocks } = this.#volume;
    const parts: Buffer[] = [];
    for await (const stretch of this.content()) {
      if (stretch.kind === 'hole') parts.push(Buffer.alloc(stretch.length));
      else if (stretch.kind === 'bytes') parts.push(stretch.bytes);
      else parts.push(await blocks.section.read(stretch.offset, stretch.length));
    }
    return Buffer.concat(parts);
  }

  #refuseEncrypted(): void {
    if ((this.#inode.flags & FLAG.encrypted) === 0) return;
    throw fail('file-encrypted', 'It is encrypted by the filesystem (fscrypt), and only its machine has the key.');
  }
}
