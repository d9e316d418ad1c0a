import type { Progress, UpkeepCounts } from '@sealift/wire';

interface Done extends Partial<UpkeepCounts> {
  bytesRead?: number;
  warnings?: number;
}

/** How far a task on a repository is; what is left out is 0. */
export function upkeepProgress(phase: Progress['phase'], done: Done): Progress {
  const { packs = 0, chunks = 0, points = 0, damaged = 0, bytesFreed = 0, bytesRead = 0, warnings = 0 } = done;
  const bytes = { bytesRead, bytesNew: 0, bytesSent: 0, bytesStored: 0 };
  return {
    phase,
    files: packs + points,
    ...bytes,
    reconnects: 0,
    warnings,
    upkeep: { packs, chunks, points, damaged, bytesFreed },
  };
}
