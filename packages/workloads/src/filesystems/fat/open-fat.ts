import { fail } from '../../failures.ts';
import type { DiskSection } from '../disk-section.ts';
import type { FileStretch, InsideFile, InsideFilesystem, InsideMetadata, InsideName } from '../filesystem.ts';
import { type FatEntry, FatFolder } from './folder.ts';
import { FatVolume, readLayout } from './volume.ts';

/** FAT12, FAT16 or FAT32, as on EFI partitions. @returns undefined if the section holds none */
export async function openFat(section: DiskSection): Promise<InsideFilesystem | undefined> {
  if (section.size < 512) return undefined;
  const layout = readLayout(await section.read(0, 512));
  if (layout === undefined || layout.dataAt >= section.size) return undefined;
  const root = new FatFile(new FatVolume(section, layout), undefined);
  return { type: layout.bits === 32 ? 'fat32' : `fat${layout.bits}`, root };
}

class FatFile implements InsideFile {
  readonly metadata: InsideMetadata;
  readonly #volume: FatVolume;
  /** Undefined: the root. */
  readonly #entry: FatEntry | undefined;

  constructor(volume: FatVolume, entry: FatEntry | undefined) {
    this.#volume = volume;
    this.#entry = entry;
    const { folder = true, readOnly = false, mtimeNs = 0n, size = 0 } = entry ?? {};
    const mode = folder ? 0o755 : 0o644;
    this.metadata = {
      kind: folder ? 'directory' : 'file',
      mode: readOnly ? mode & 0o555 : mode,
      uid: 0,
      gid: 0,
      mtimeNs,
      size: folder ? 0 : size,
    };
  }

  get identity(): number {
    return this.#entry?.cluster ?? 0;
  }

  async *names(): AsyncGenerator<InsideName, void, undefined> {
    if (this.metadata.kind !== 'directory') throw fail('filesystem-damaged', 'It is no folder.');
    const folder = new FatFolder();
    for await (const bytes of this.#folderBytes()) {
      for (const entry of folder.take(bytes)) {
        if (entry === 'end') return;
        yield { name: entry.name, open: async () => new FatFile(this.#volume, entry) };
      }
    }
  }

  async *content(): AsyncGenerator<FileStretch, void, undefined> {
    const { cluster = 0 } = this.#entry ?? {};
    let left = this.metadata.size;
    if (left === 0) return;
    for await (const offset of this.#volume.chain(cluster)) {
      const length = Math.min(left, this.#volume.layout.clusterSize);
      yield { kind: 'disk', offset, length };
      left -= length;
      if (left === 0) return;
    }
    throw fail('filesystem-damaged', 'A chain of clusters ends before its file.');
  }

  async *#folderBytes(): AsyncGenerator<Buffer, void, undefined> {
    const { section, layout } = this.#volume;
    const { root, clusterSize } = layout;
    if (this.#entry === undefined && 'at' in root) {
      yield await section.read(root.at, root.length);
      return;
    }
    const first = this.#entry?.cluster ?? ('cluster' in root ? root.cluster : 0);
    for await (const offset of this.#volume.chain(first)) yield await section.read(offset, clusterSize);
  }
}
