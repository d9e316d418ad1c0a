import type { JobResource } from '@sealift/wire';
import type { Command } from 'commander';
import { choice } from '../define.ts';

type ReadingRules = NonNullable<JobResource['reading']>;

/** Options of `job create` and `job update` on how sources are read. */
export interface ReadingOptions {
  excludeCaches?: boolean;
  oneFileSystem?: boolean;
  consistency?: ReadingRules['consistency'];
}

export function addReadingOptions(command: Command): Command {
  const kinds = ['auto', 'snapshot', 'none'];
  return command
    .addOption(
      choice('--consistency <kind>', 'read from a snapshot: auto, where there can be one; or else fail; or not', kinds),
    )
    .option('--exclude-caches', 'leave out what is in folders tagged with CACHEDIR.TAG')
    .option('--no-exclude-caches', 'back them up like others')
    .option('--one-file-system', 'leave out what is mounted below the source')
    .option('--no-one-file-system', 'go into what is mounted there');
}

/** `reading` of a request, if any of these options was given. */
export function readingFields(options: ReadingOptions): { reading?: ReadingRules } {
  const { excludeCaches, oneFileSystem, consistency } = options;
  const reading = {
    ...(consistency === undefined ? {} : { consistency }),
    ...(excludeCaches === undefined ? {} : { excludeCaches }),
    ...(oneFileSystem === undefined ? {} : { oneFileSystem }),
  };
  return Object.keys(reading).length === 0 ? {} : { reading };
}

/** What is shown of a job. */
export function formatReading(rules: ReadingRules = {}): string | undefined {
  const said = [
    rules.consistency === undefined ? undefined : `consistency ${rules.consistency}`,
    rules.excludeCaches === true ? 'without tagged caches' : undefined,
    rules.oneFileSystem === true ? 'one filesystem' : undefined,
  ].filter((text) => text !== undefined);
  return said.length === 0 ? undefined : said.join(', ');
}
