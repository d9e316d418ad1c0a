import { constants } from 'node:fs';
import { access, lstat, realpath } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';

/** Checks that each path exists and can be read, and resolves symbolic links on the way to it. */
export async function usableSources(paths: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) found.push(await usable(path));
  return [...new Set(found)];
}

async function usable(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    const isFolder = (await lstat(real)).isDirectory();
    await access(real, isFolder ? constants.R_OK | constants.X_OK : constants.R_OK);
    return real;
  } catch (cause) {
    const { code } = toFailure(cause);
    if (code === 'not-found') throw fail('source-unusable', `${path} does not exist`);
    if (code === 'permission-denied') throw fail('source-unusable', `${path} may not be read by this user`);
    throw cause;
  }
}

/** The places that lie inside a source, as paths relative to it. */
export function placesInside(source: string, places: string[]): string[] {
  return places.map((place) => relative(source, place)).filter(isBelow);
}

function isBelow(path: string): boolean {
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`);
}

/** A pattern that excludes exactly this path below the root of a source. */
export function excludePattern(path: string): string {
  return `/${path.replace(/[\\*?[\]!]/g, '\\$&')}`;
}

/** Refuses sources that are, or lie inside, what the demonstration itself writes to. */
export function refuseOwnFiles(sources: string[], places: string[]): void {
  for (const source of sources) {
    const owner = places.find((place) => source === place || isBelow(relative(place, source)));
    if (owner === undefined) continue;
    throw fail('source-unusable', `${source} lies in ${owner}, which this command writes to while it runs`, {
      advice: 'Choose another path to protect, or another place for the data with --data DIR.',
    });
  }
}

/**
 * Where each source comes back below the folder it is restored into: under the last part of its path, told apart by
 * a number where two are alike, as recovery points name their roots.
 */
export function restoredPlaces(folder: string, sources: string[]): { source: string; restored: string }[] {
  const taken = new Set<string>();
  return sources.map((source) => {
    const base = basename(source) || 'root';
    let name = base;
    for (let copy = 2; taken.has(name); copy++) name = `${base}~${copy}`;
    taken.add(name);
    return { source, restored: join(folder, name) };
  });
}
