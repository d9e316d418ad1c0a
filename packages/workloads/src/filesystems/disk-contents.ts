import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { ReadableDisk } from '../nbd/disk.ts';
import { DiskSection } from './disk-section.ts';
import type { FileStretch, InsideFile, InsideMetadata, InsideName } from './filesystem.ts';
import { guessType, openFilesystem } from './open-filesystem.ts';
import { type Partition, partitionsOf } from './partitions.ts';

/** A file inside a disk; its stretches are given by where they lie on the whole disk. */
export interface DiskFile extends Omit<InsideFile, 'names' | 'identity'> {
  /** The same for the same folder of the disk, under whatever name. */
  readonly identity: string;
  names(): AsyncIterable<{ name: Buffer; open: () => Promise<DiskFile> }>;
  /** Of a partition: what lies in it. */
  readonly filesystem?: string;
}

/**
 * What is inside a disk: the filesystem that takes all of it, or its partitions by their numbers, those with a filesystem
 * that can be read as folders, others as files. Nothing is mounted: everything is read and checked here.
 * @throws Failure `filesystem-damaged`, `filesystem-unreadable`
 */
export async function openDiskContents(disk: ReadableDisk, signal: AbortSignal): Promise<DiskFile> {
  const section = new DiskSection(disk, 0, disk.size, signal);
  const filesystem = await openFilesystem(section);
  if (filesystem !== undefined) return new PlacedFile(filesystem.root, section, filesystem.type);
  const partitions = await partitionsOf(section);
  if (partitions.length > 0) return new PartitionedDisk(section, partitions);
  const type = (await guessType(section)) ?? 'no partition table and no filesystem';
  throw fail('filesystem-unreadable', `On ${disk.name} there is ${type}, which cannot be read here.`);
}

/** A file of a filesystem that lies in a section of a disk. */
class PlacedFile implements DiskFile {
  readonly metadata: InsideMetadata;
  readonly filesystem?: string;
  readonly #file: InsideFile;
  readonly #section: DiskSection;

  constructor(file: InsideFile, section: DiskSection, filesystem?: string) {
    this.metadata = file.metadata;
    this.#file = file;
    this.#section = section;
    if (filesystem !== undefined) this.filesystem = filesystem;
  }

  get identity(): string {
    return `${this.#section.onDisk(0, 0)}/${this.#file.identity}`;
  }

  async *names(): AsyncGenerator<{ name: Buffer; open: () => Promise<DiskFile> }, void, undefined> {
    for await (const { name, open } of this.#file.names()) {
      yield { name, open: async () => new PlacedFile(await open(), this.#section) };
    }
  }

  async *content(): AsyncGenerator<FileStretch, void, undefined> {
    for await (const stretch of this.#file.content()) {
      if (stretch.kind !== 'disk') yield stretch;
      else yield { ...stretch, offset: this.#section.onDisk(stretch.offset, stretch.length) };
    }
  }
}

const NOBODYS = { uid: 0, gid: 0, mtimeNs: 0n };

class PartitionedDisk implements DiskFile {
  readonly identity = 'disk';
  readonly metadata: InsideMetadata = { ...NOBODYS, kind: 'directory', mode: 0o755, size: 0 };
  readonly #section: DiskSection;
  readonly #partitions: Partition[];

  constructor(section: DiskSection, partitions: Partition[]) {
    this.#section = section;
    this.#partitions = partitions;
  }

  async *names(): AsyncGenerator<{ name: Buffer; open: () => Promise<DiskFile> }, void, undefined> {
    for (const partition of this.#partitions) {
      yield { name: Buffer.from(`${partition.number}`), open: () => this.#open(partition) };
    }
  }

  content(): AsyncIterable<FileStretch> {
    throw fail('filesystem-damaged', 'A disk with partitions has no content of its own.');
  }

  async #open({ offset, size }: Partition): Promise<DiskFile> {
    const section = this.#section.within(offset, size);
    try {
      const filesystem = await openFilesystem(section);
      if (filesystem !== undefined) return new PlacedFile(filesystem.root, section, filesystem.type);
    } catch (thrown) {
      if (!toFailure(thrown).code.startsWith('filesystem-')) throw thrown;
    }
    return new RawPartition(section, (await guessType(section)) ?? 'unknown');
  }
}

/** A partition whose bytes can be had, and no files. */
class RawPartition implements DiskFile {
  readonly identity = 'partition';
  readonly metadata: InsideMetadata;
  readonly filesystem: string;
  readonly #section: DiskSection;

  constructor(section: DiskSection, filesystem: string) {
    this.metadata = { ...NOBODYS, kind: 'file', mode: 0o600, size: section.size };
    this.filesystem = filesystem;
    this.#section = section;
  }

  // biome-ignore lint/correctness/useYield: a file has no names in it
  async *names(): AsyncGenerator<InsideName & { open: () => Promise<DiskFile> }, void, undefined> {
    throw fail('filesystem-unreadable', `There is ${this.filesystem} in it, which cannot be read here.`);
  }

  async *content(): AsyncGenerator<FileStretch, void, undefined> {
    const { size } = this.#section;
    yield { kind: 'disk', offset: this.#section.onDisk(0, size), length: size };
  }
}
