/**
 * What an earlier walk of the same roots has found, read in tree order beside the present one. Whoever implements it
 * answers for what it says: an entry that matches is neither described nor read again.
 */
export interface KnownTree {
  /** How often entries were lost between two that could be read. What is not known then is not known to be missing. */
  readonly gaps: number;
  /**
   * Whether the entry was there, settled, with this print and this first name of its inode. To be asked in tree order;
   * asking again for the same entry gives false.
   *
   * @param print valid during the call only
   */
  matches(path: Buffer, print: Buffer, hardLink: Buffer | undefined): boolean;
  /** The next name in a folder, whose path ends with a slash, after `last` and all below it; names are latin1. */
  childAfter(folder: Buffer, last: string | undefined): string | undefined;
}
