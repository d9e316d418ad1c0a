import { failuresOf } from '@sealift/core';

/** Failures of reading sources and of opening a destination. */
export const fail = failuresOf({
  /** A path of the source cannot be opened or listed. */
  unreadable: { kind: 'refused', advice: 'Check that it exists and that the Transporter may read it.' },
  /** A file was there when its directory was listed and is gone now. */
  vanished: { kind: 'refused', advice: 'Nothing, if it was deleted on purpose; else run the job again.' },
  /** A file was replaced by another between being found and being opened. */
  changed: { kind: 'retry', advice: 'Run the job again while the data is at rest, or from a snapshot.' },
  /** The source is a FIFO, a socket or a character device. */
  'unsupported-source': { kind: 'refused', advice: 'Name a folder, a file, a disk image or a block device.' },
  /** An exclude pattern cannot be understood. */
  'bad-exclude': { kind: 'refused', advice: 'Correct the pattern: *, **, ?, [a-z] and \\ have a meaning in it.' },
  /** The place to restore to cannot be made or opened. */
  'unusable-destination': { kind: 'refused', advice: 'Name a folder that can be made, or an unused block device.' },
  /** A disk image does not fit the block device it is restored to. */
  'device-too-small': { kind: 'refused', advice: 'Restore to a larger device or into a folder.' },
});
