export { runBackup } from './backup.ts';
export type { BackupOptions, BackupOutcome } from './backup-options.ts';
export { type Copied, type CopyOptions, copyPoint } from './copy.ts';
export { proveInFlight } from './decrypt/prove-chunk.ts';
export { createTargetWorkers, type TargetPool } from './decrypt/target-pool.ts';
export { type DownloadOptions, download } from './download/download.ts';
export { runServeDisks, type ServeDisksOptions, serveDisksOfRepository } from './instant/serve-disks.ts';
export { keysForRecovery } from './keys-for-recovery.ts';
export { type FindOptions, findEntries, statEntry } from './look/find-entries.ts';
export { type ListOptions, listEntries } from './look/list-entries.ts';
export type { LookedPlace } from './look/looked-place.ts';
export type { PathWarning } from './progress.ts';
export { type ServeOptions, serveSession } from './receive.ts';
export { recoverFromRepository } from './recover.ts';
export type { KeyFile, WaysToKeys } from './recovery-services.ts';
export {
  type KeysForRuns,
  type LinkToPoint,
  type LookKeys,
  type PointOptions,
  type RestoreOutcome,
  type RestoreTarget,
  runRestore,
} from './restore.ts';
export { type Sample, type SampleOptions, samplePoint } from './sample-point.ts';
export { referencesInTree } from './tree/tree-references.ts';
export { type Unlock, unlockFromKeyFile, unlockFromKms, unlockFromPassword } from './unlock.ts';
export { unlockForRecovery } from './unlock-for-recovery.ts';
export { RunQuotas } from './write/run-quotas.ts';
