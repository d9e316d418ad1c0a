import type { ProgressMeter } from '../progress.ts';
import type { NamedRoot } from '../tree/root-names.ts';
import type { OpenImages } from './open-images.ts';
import type { FoundEntry } from './walk-messages.ts';
import { walkSources } from './walk-sources.ts';

/** The entries of all roots, in the order of the roots: images as they were opened, everything between them walked. Warnings and times of the walk go to `meter`. */
export async function* findEntries(
  roots: NamedRoot[],
  images: OpenImages,
  exclude: string[],
  meter: ProgressMeter,
): AsyncGenerator<FoundEntry, void, undefined> {
  let walked: NamedRoot[] = [];
  for (const root of roots) {
    const entry = images.entryOf(root);
    if (entry === undefined) {
      walked.push(root);
      continue;
    }
    if (walked.length > 0) yield* walkSources(walked, exclude, meter);
    walked = [];
    yield entry;
  }
  if (walked.length > 0) yield* walkSources(walked, exclude, meter);
}
