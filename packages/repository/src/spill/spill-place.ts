import type { Failure } from '@sealift/core';
import { fail } from '../failures.ts';

/** Where one index keeps what does not fit in memory. */
export class SpillPlace {
  /** On this machine. */
  readonly folder: string;
  /** Something that was read there is not what was written: the index has to be built anew. */
  isDamaged = false;

  constructor(folder: string) {
    this.folder = folder;
  }

  damaged(what: string): Failure {
    this.isDamaged = true;
    return fail('index-damaged', `The index in ${this.folder} is damaged: ${what}.`);
  }
}
