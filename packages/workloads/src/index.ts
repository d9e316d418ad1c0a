export { fitsTar, type TarExtent, tarEnd, tarHeader, tarPadding } from './archive/tar-header.ts';
export { compareTrees, type Difference } from './compare/compare-trees.ts';
export { rawImageName } from './disks/image-format.ts';
export { ImageReader } from './disks/image-reader.ts';
export { isDiskImage, openImage } from './disks/open-image.ts';
export type {
  EntryKind,
  EntryMetadata,
  FoundEntry,
  NoticeCode,
  OpenRoot,
  SourceState,
  TrackedDisk,
  Warning,
} from './entry.ts';
export { type ExcludeRules, excludeRules } from './exclude.ts';
export { type DiskFile, openDiskContents } from './filesystems/disk-contents.ts';
export type { FileStretch } from './filesystems/filesystem.ts';
export { type NbdAddress, type NbdPlace, nbdUri } from './nbd/address.ts';
export { NbdClient, type NbdClientOptions } from './nbd/client.ts';
export { type DiskPiece, type ReadableDisk, readWhole } from './nbd/disk.ts';
export type { StatusExtent } from './nbd/pending-request.ts';
export { ALLOCATION, BASE_ALLOCATION, DIRTY } from './nbd/protocol.ts';
export { NbdServer, type NbdServerOptions } from './nbd/server.ts';
export { makeFifo } from './posix/names.ts';
export { PRINT_BYTES, printOf } from './posix/print.ts';
export { setMtime } from './posix/times.ts';
export { getXattr, listXattrs, removeXattr, setXattr } from './posix/xattrs.ts';
export { isMachine, machineName, type OpenMachineOptions, openMachine } from './qemu/open-machine.ts';
export { QmpClient } from './qemu/qmp-client.ts';
export type { OutputFile } from './restore/output-file.ts';
export type { RestorePolicy } from './restore/policy.ts';
export { TreeWriter } from './restore/tree-writer.ts';
export type { RestoreWarning } from './restore/warnings.ts';
export { Leftovers, type Made } from './snapshot/leftovers.ts';
export { type Consistency, type HeldSource, SourceHolder } from './snapshot/source-holder.ts';
export type { BoundaryRules } from './source/boundaries.ts';
export { describeSource, type SourceDescription } from './source/describe-source.ts';
export type { KnownTree } from './source/known-tree.ts';
export { livePath, type SnapshotView } from './source/snapshot-view.ts';
export { type Extent, openSource, SourceFile } from './source/source-file.ts';
export { findAgain, type WalkItem, type WalkOptions, type WalkWarning, walk } from './source/walk.ts';
export { type BlockDevice, type FoundDevices, findBlockDevices, MOST_DEVICES } from './volumes/block-devices.ts';
