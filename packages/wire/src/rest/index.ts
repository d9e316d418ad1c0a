export {
  API,
  type Input,
  type Item,
  type ListOperation,
  type Operation,
  type Output,
  type RequestPart,
} from './api.ts';
export { fetchAuthority } from './authority.ts';
export { type CallOptions, RestClient, type RestClientOptions } from './client.ts';
export type { CopyResource, CopyRetentionResource } from './copies.ts';
export { DOWNLOAD_PATH, DOWNLOAD_TYPE, DownloadRequest } from './downloads.ts';
export type { Endpoint } from './endpoint.ts';
export type { DirectorEvent, NumberedEvent } from './events.ts';
export { ById, type Named, Problem, type TransporterRole } from './fields.ts';
export type { JobRemovalResource } from './job-removal.ts';
export {
  isUpkeepKind,
  type JobResource,
  type RunKind,
  type RunResource,
  type RunState,
  type WarningResource,
} from './jobs.ts';
export type { KmsResource, PasswordCheckResource, PasswordResource, RecoveryKit, Strength } from './passwords.ts';
export type { EntryResource, PointResource, VersionResource } from './points.ts';
export { type DeletionResource, type KeepRule, MAX_IMMUTABLE_DAYS, type RetentionResource } from './retention.ts';
export type { AdoptionResource, ComparisonResource, RepositoryResource, SlotRequest } from './storage.ts';
export type { EnrolmentResource, TokenResource, TransporterResource } from './transporters.ts';
export type { Alarm, DrillResource, ExplanationResource } from './trust.ts';
