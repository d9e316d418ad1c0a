import type { ProgressMeter } from '../progress.ts';
import type { NamedRoot } from '../tree/root-names.ts';
import type { OpenRoots } from './open-roots.ts';
import type { Walked } from './plan-work.ts';
import type { WalkOrder, WalkRoot } from './walk-messages.ts';
import { walkSources } from './walk-sources.ts';

/**
 * The entries of all roots, in the order of the roots: those that are served as they were opened, everything between them
 * walked. Warnings and times of the walk go to `meter`.
 */
export async function* findEntries(
  { roots, ...order }: Omit<WalkOrder, 'roots'> & { roots: NamedRoot[] },
  opened: OpenRoots,
  meter: ProgressMeter,
): AsyncGenerator<Walked, void, undefined> {
  let walked: WalkRoot[] = [];
  for (const root of roots) {
    const entries = opened.entriesOf(root);
    if (entries === undefined) {
      const view = opened.viewOf(root);
      walked.push({ ...root, ...(view === undefined ? {} : { view }) });
      continue;
    }
    if (walked.length > 0) yield* walkSources({ ...order, roots: walked }, meter);
    walked = [];
    for (const entry of entries) yield { entry };
  }
  if (walked.length > 0) yield* walkSources({ ...order, roots: walked }, meter);
}
