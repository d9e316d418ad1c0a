import type { Progress } from '@sealift/wire';

/** A run under way, as far as it is not in the database: written down only when it ends. */
export interface ActiveRun {
  job: { id: string; name: string };
  transporterId: string;
  progress?: Progress;
}

/** The runs under way that were heard of since the Director's start. */
export type RunBoard = Map<string, ActiveRun>;
