export type { EntryKind, EntryMetadata, FoundEntry, SourceState, Warning } from './entry.ts';
export { type ExcludeRules, excludeRules } from './exclude.ts';
export { describeSource, type SourceDescription } from './source/describe-source.ts';
export { type Extent, openSource, SourceFile } from './source/source-file.ts';
export { type WalkItem, type WalkOptions, type WalkWarning, walk } from './source/walk.ts';
