import type { JobResource } from '@sealift/wire';
import type { Command } from 'commander';
import { fail } from '../../failures.ts';
import { choice } from '../define.ts';

type ReadingRules = NonNullable<JobResource['reading']>;

/** Options of `job create` and `job update` on how sources are read. */
export interface ReadingOptions {
  excludeCaches?: boolean;
  oneFileSystem?: boolean;
  consistency?: ReadingRules['consistency'];
  beforeCommand?: string;
  afterCommand?: string;
  commandTimeout?: string;
}

export function addReadingOptions(command: Command): Command {
  const kinds = ['auto', 'snapshot', 'none'];
  return command
    .addOption(
      choice('--consistency <kind>', 'read from a snapshot: auto, where there can be one; or else fail; or not', kinds),
    )
    .option('--before-command <name>', "program in the Transporter's folder of hooks that runs before; none: none")
    .option('--after-command <name>', 'the same, after it, whatever became of it')
    .option('--command-timeout <seconds>', 'longest time for each of them (300)')
    .option('--exclude-caches', 'leave out what is in folders tagged with CACHEDIR.TAG')
    .option('--no-exclude-caches', 'back them up like others')
    .option('--one-file-system', 'leave out what is mounted below the source')
    .option('--no-one-file-system', 'go into what is mounted there');
}

/** `reading` of a request, if any of these options was given. */
export function readingFields(options: ReadingOptions): { reading?: ReadingRules } {
  const { excludeCaches, oneFileSystem, consistency, beforeCommand, afterCommand, commandTimeout } = options;
  const reading = {
    ...(consistency === undefined ? {} : { consistency }),
    ...(beforeCommand === undefined ? {} : { before: hookName(beforeCommand) }),
    ...(afterCommand === undefined ? {} : { after: hookName(afterCommand) }),
    ...(commandTimeout === undefined ? {} : { hookSeconds: seconds(commandTimeout) }),
    ...(excludeCaches === undefined ? {} : { excludeCaches }),
    ...(oneFileSystem === undefined ? {} : { oneFileSystem }),
  };
  return Object.keys(reading).length === 0 ? {} : { reading };
}

function hookName(text: string): string {
  return text === 'none' ? '' : text;
}

function seconds(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text)) throw fail('usage', `--command-timeout must be a number of seconds, not '${text}'`);
  return Number(text);
}

/** What is shown of a job. */
export function formatReading(rules: ReadingRules = {}): string | undefined {
  const said = [
    rules.consistency === undefined ? undefined : `consistency ${rules.consistency}`,
    rules.before ? `before: ${rules.before}` : undefined,
    rules.after ? `after: ${rules.after}` : undefined,
    rules.hookSeconds === undefined ? undefined : `commands take ${rules.hookSeconds} s at most`,
    rules.excludeCaches === true ? 'without tagged caches' : undefined,
    rules.oneFileSystem === true ? 'one filesystem' : undefined,
  ].filter((text) => text !== undefined);
  return said.length === 0 ? undefined : said.join(', ');
}
