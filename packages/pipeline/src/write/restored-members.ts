import type { MemberFile } from './plan-restore.ts';

/** Oldest ones are forgotten first: some 180 bytes each. */
const REMEMBERED = 50_000;
const ID_LENGTH = 32;
/** Enough of a bundle's id to tell bundles apart; what is taken for the same is compared by its full id. */
const KEY_LENGTH = 12;

/** A restored small file with the contents of another, not yet restored one. */
export interface Twin {
  file: MemberFile;
  /** Path in the recovery point of the one that is there. */
  path: Buffer;
  /** Id of the contents. */
  id: Buffer;
}

/**
 * Where small contents have been written by now. Many files of a tree are copies of others, and the bundle with their
 * contents may have been fetched long ago: reading the file that is there spares fetching it again.
 */
export class RestoredMembers {
  /** Strings of one byte a character take less than half the memory of buffers. */
  readonly #written = new Map<string, string>();

  /** @param id of the contents that `file` now has */
  add(file: MemberFile, id: Uint8Array): void {
    const key = keyOf(file);
    if (this.#written.has(key)) return;
    this.#written.set(key, Buffer.concat([id, file.entry.path]).toString('latin1'));
    const oldest = this.#written.size > REMEMBERED ? this.#written.keys().next().value : undefined;
    if (oldest !== undefined) this.#written.delete(oldest);
  }

  /** Tells files whose contents are there already from those whose contents have to be fetched. */
  split(files: MemberFile[]): { twins: Twin[]; others: MemberFile[] } {
    const [twins, others]: [Twin[], MemberFile[]] = [[], []];
    for (const file of files) {
      const written = this.#written.get(keyOf(file));
      if (written === undefined) {
        others.push(file);
      } else {
        const bytes = Buffer.from(written, 'latin1');
        twins.push({ file, id: bytes.subarray(0, ID_LENGTH), path: bytes.subarray(ID_LENGTH) });
      }
    }
    return { twins, others };
  }
}

function keyOf({ bundle, ordinal }: MemberFile): string {
  return `${bundle.toString('latin1', 0, KEY_LENGTH)}${ordinal}`;
}
