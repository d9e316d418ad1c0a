import type { NamedRoot } from '../tree/root-names.ts';
import type { OpenRoots } from './open-roots.ts';
import type { FoundEntry } from './walk-messages.ts';
import { type WalkWarning, walkSources } from './walk-sources.ts';

/** The entries of all roots, in the order of the roots: those that are served as they were opened, everything between them walked. */
export async function* findEntries(
  roots: NamedRoot[],
  opened: OpenRoots,
  exclude: string[],
  onWarning: (warning: WalkWarning) => void,
): AsyncGenerator<FoundEntry, void, undefined> {
  let walked: NamedRoot[] = [];
  for (const root of roots) {
    const entries = opened.entriesOf(root);
    if (entries === undefined) {
      walked.push(root);
      continue;
    }
    if (walked.length > 0) yield* walkSources(walked, exclude, onWarning);
    walked = [];
    yield* entries;
  }
  if (walked.length > 0) yield* walkSources(walked, exclude, onWarning);
}
