import { statSync } from 'node:fs';
import { fail } from '../failures.ts';

/** What is behind the end of an image that was cut reads as zeros in QEMU, without a word: so their lengths are watched. */
export class ImageLengths {
  readonly #lengths = new Map<string, number>();

  /** @param files paths of images; others, like addresses of servers, are left alone */
  constructor(files: string[]) {
    for (const file of files) {
      const length = lengthOf(file);
      if (length !== undefined) this.#lengths.set(file, length);
    }
  }

  /** An image that was deleted is still there for whoever has it open. @throws Failure `image-shrunk` */
  check(): void {
    for (const [file, before] of this.#lengths) {
      const now = lengthOf(file) ?? before;
      if (now >= before) continue;
      throw fail('image-shrunk', `${file} had ${before} bytes when it was opened and ${now} after it was read.`);
    }
  }
}

function lengthOf(file: string): number | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true ? stat.size : undefined;
}
