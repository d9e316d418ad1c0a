import type { Progress } from '@sealift/wire';
import type { subjectOf } from '../db/run.ts';

/** A run under way, as far as it is not in the database: written down only when it ends. */
export interface ActiveRun {
  /** As events name what it is about. */
  subject: ReturnType<typeof subjectOf>;
  transporterId: string;
  progress?: Progress;
}

/** The runs under way that were heard of since the Director's start. */
export type RunBoard = Map<string, ActiveRun>;
