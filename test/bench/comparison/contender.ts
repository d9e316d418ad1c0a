import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cost } from './processes.ts';

export interface Measured extends Cost {
  /** Of both directions, where that is known. */
  bytesSent?: number;
  /** Growth of the repository. */
  bytesStored: number;
  /** Seconds of each Transporter, and where they went. */
  profile?: Profile;
}

export interface Profile {
  cpuSeconds: { source: number; target: number };
  peakBytes: { source: number; target: number };
  /** Seconds that threads spent in a stage, by side and stage. */
  stages: { source: Record<string, number>; target: Record<string, number> };
}

/** One program under comparison, with a repository of its own for one repetition. */
export interface Contender {
  name: string;
  backup(): Promise<Measured>;
  /** Restores the newest backup below an empty folder. @returns where the data then is */
  restore(folder: string): Promise<{ measured: Measured; restored: string }>;
}

/** What a contender of one repetition is made for. */
export interface Task {
  /** Folder of the data and its name in it. */
  folder: string;
  name: string;
  /** A folder of its own. */
  scratch: string;
  /** Whether the data has holes, which programs are asked to restore as such. */
  sparse: boolean;
}

/** Bytes of all files below a folder. */
export async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
