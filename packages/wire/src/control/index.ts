export { type AcceptControlOptions, acceptControl, type Relay } from './accept.ts';
export { type BandwidthLimit, MAX_LIMITS } from './bandwidth.ts';
export { CONTROL_PATH, CONTROL_SUBPROTOCOL, DIRECTOR_ROLE } from './channel.ts';
export { type ControlClient, type ControlClientOptions, controlClient } from './client.ts';
export { type ConnectControlOptions, connectControl } from './connect.ts';
export { MAX_CONTROL_FRAME } from './frame.ts';
export { EntryFilter, MAX_ENTRIES_PAGE, MAX_FOUND_PAGE } from './look-methods.ts';
export {
  MAX_REVOKED,
  METHODS,
  type Method,
  type MethodOf,
  type Params,
  type Result,
  taskKeysContext,
} from './methods.ts';
export { type CallContext, type ControlHandlers, ControlPeer } from './peer.ts';
export { MAX_POINTS_PAGE, MAX_REASON, type StoredPoint } from './point-methods.ts';
export type { ReadingRules } from './reading.ts';
export { acceptRelay, openRelay, type RelayOptions } from './relay.ts';
export {
  type DescribedPoint,
  MAX_DESCRIBED_POINTS,
  MAX_SHOWN_POINTS,
  type PointReport,
  type RepositoryState,
  type RepositoryStats,
  type ShownPoint,
} from './repositories.ts';
export { type KeySlot, type RepositoryKeys, slotKeyContext } from './repository-keys.ts';
export {
  type BackupSpec,
  type Entry,
  isUpkeepTask,
  type JobStart,
  MAX_NOTE,
  MAX_NOTES,
  type Progress,
  type RestoreSpec,
  type TaskPoint,
  type TaskResult,
  type TaskStart,
  type TaskWarning,
} from './tasks.ts';
export {
  type CollectReport,
  type CollectSpec,
  type CopyReport,
  type CopySpec,
  MAX_COPIED,
  MAX_REPORTED,
  type RepairReport,
  type RepairSpec,
  type RotationReport,
  type RotationSpec,
  UPKEEP_PHASES,
  type UpkeepCounts,
  type UpkeepKind,
  type UpkeepReport,
  type UpkeepStart,
  type VerifyReport,
  type VerifySpec,
} from './upkeep.ts';
