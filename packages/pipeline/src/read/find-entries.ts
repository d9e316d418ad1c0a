import type { ProgressMeter } from '../progress.ts';
import type { NamedRoot } from '../tree/root-names.ts';
import type { OpenRoots } from './open-roots.ts';
import type { FoundEntry } from './walk-messages.ts';
import { walkSources } from './walk-sources.ts';

/**
 * The entries of all roots, in the order of the roots: those that are served as they were opened, everything between them
 * walked. Warnings and times of the walk go to `meter`.
 */
export async function* findEntries(
  roots: NamedRoot[],
  opened: OpenRoots,
  exclude: string[],
  meter: ProgressMeter,
): AsyncGenerator<FoundEntry, void, undefined> {
  let walked: NamedRoot[] = [];
  for (const root of roots) {
    const entries = opened.entriesOf(root);
    if (entries === undefined) {
      walked.push(root);
      continue;
    }
    if (walked.length > 0) yield* walkSources(walked, exclude, meter);
    walked = [];
    yield* entries;
  }
  if (walked.length > 0) yield* walkSources(walked, exclude, meter);
}
