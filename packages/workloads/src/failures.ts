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
  /** A source cannot be held still while it is read, and that is demanded. */
  'snapshot-impossible': {
    kind: 'refused',
    advice:
      'Read it without: `job update JOB --consistency auto`. Or put it on Btrfs or LVM; a single file on XFS will do.',
  },
  /** An exclude pattern cannot be understood. */
  'bad-exclude': { kind: 'refused', advice: 'Correct the pattern: *, **, ?, [a-z] and \\ have a meaning in it.' },
  /** The place to restore to cannot be made or opened. */
  'unusable-destination': { kind: 'refused', advice: 'Name a folder that can be made, or an unused block device.' },
  /** A disk image does not fit the block device it is restored to. */
  'device-too-small': { kind: 'refused', advice: 'Restore to a larger device or into a folder.' },
  /** A disk image of a format that only qemu-nbd knows. */
  'image-tool-missing': {
    kind: 'refused',
    advice: 'Install qemu-utils on that machine, or name the folder of the image to keep its file as it is.',
  },
  /** A disk image cannot be opened: damaged, in use by a running machine, or without its backing file. */
  'image-unreadable': {
    kind: 'refused',
    advice: 'Check it with `qemu-img info --backing-chain`; shut the machine down that is using it.',
  },
  /** A program that tells of disks or filesystems, or takes snapshots, is lacking. */
  'disk-tool-missing': {
    kind: 'refused',
    advice: 'Install it on that machine: lsblk and fsfreeze are in util-linux, sfdisk in fdisk, btrfs in btrfs-progs.',
  },
  /** Such a program has failed; the message has what it said. */
  'disk-tool-failed': { kind: 'refused', advice: 'Run the command on that machine, as the user of the Transporter.' },
  'disks-unknown': { kind: 'refused', advice: 'Check what `lsblk --json --bytes` prints on that machine.' },
  /** Of a disk that is looked into: its partition table or a filesystem contradicts itself. */
  'filesystem-damaged': {
    kind: 'corrupt',
    advice: 'Serve the disk with `sealift point serve` and check it there, or look at an older recovery point.',
  },
  /** A filesystem with something in it that is not known here. */
  'filesystem-unreadable': {
    kind: 'refused',
    advice: 'Serve the disk with `sealift point serve` and mount a copy on a machine that knows its filesystem.',
  },
  /** A file that its filesystem keeps encrypted (fscrypt). */
  'file-encrypted': { kind: 'corrupt', advice: 'Restore the disk and open it on the machine that has the key.' },
  /** A disk image was cut off while it was read. */
  'image-shrunk': {
    kind: 'refused',
    advice:
      'Find out who writes to the image beside its machine, check it with `qemu-img check`, then run the job again.',
  },
  /** The monitor of a virtual machine cannot be connected to, or has gone. */
  'vm-unreachable': { kind: 'retry', advice: 'Check that the virtual machine runs and that its socket may be opened.' },
  /** The monitor has another client, and takes one at a time. */
  'vm-busy': { kind: 'retry', advice: 'Give the virtual machine a second `-qmp` socket for Sealift alone.' },
  /** QEMU does not do what a backup needs of it. */
  'vm-refused': {
    kind: 'refused',
    advice: 'Look at what else works on its disks: `query-jobs`, `query-block-exports`.',
  },
  /** What listens at a socket is no monitor of QEMU. */
  'vm-violation': { kind: 'refused', advice: 'Name the socket that the virtual machine was given with `-qmp unix:…`.' },
  /** The folder for what a virtual machine overwrites while it is read is nearly full. */
  'vm-no-room': {
    kind: 'refused',
    advice: 'Make room in the data folder of the Transporter, or run the job while the machine writes less.',
  },
  'vm-without-disks': { kind: 'refused', advice: 'Check with `query-block` which disks the virtual machine has.' },
  /** An NBD server cannot be connected to. */
  'nbd-unreachable': { kind: 'retry', advice: 'Check that the NBD server runs and that its socket may be opened.' },
  /** The connection to an NBD server or client ended or fell silent. */
  'nbd-closed': { kind: 'retry', advice: 'Check that the NBD server still runs, then try again.' },
  /** An NBD server does not have the export, or does not give it. */
  'nbd-refused': { kind: 'refused', advice: 'Check the name of the export with `nbdinfo --list`.' },
  /** An NBD server or client does not keep to the protocol. */
  'nbd-violation': { kind: 'corrupt', advice: 'Check with `nbdinfo` what is listening there.' },
  /** An NBD server could not read or write. */
  'nbd-error': { kind: 'retry', advice: 'Check the disk or image behind the NBD server.' },
  'nbd-no-space': { kind: 'refused', advice: 'Free some space where the image is written, then try again.' },
});
