import { once } from 'node:events';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '../exit-codes.ts';
import { printResult } from '../output/document.ts';
import { type Invocation, say } from '../session/host.ts';
import { openUpFolder, type UpFolder } from './data-folder.ts';
import { formatReport, type Measured } from './report.ts';
import { runRounds } from './rounds.ts';
import { type DemoJobs, setUp } from './set-up.ts';
import { refuseOwnFiles, usableSources } from './sources.ts';
import { type Stage, startStage } from './stage.ts';

export interface UpOptions {
  /** Absolute. */
  sources: string[];
  /** Absolute. */
  data: string;
  firstPort: number;
  json: boolean;
  /** End after the table instead of staying up. */
  once: boolean;
}

/**
 * Starts everything, backs up, restores, compares, prints the table, and stays up until it is interrupted. All
 * processes are gone when this returns or throws.
 */
export async function runUp(invocation: Invocation, options: UpOptions): Promise<void> {
  const sources = await usableSources(options.sources);
  using folder = await openUpFolder(options.data);
  const ownPlaces = [folder.root, compileCache(invocation)];
  refuseOwnFiles(sources, ownPlaces);
  say(invocation, `starting Director, target and source; data and logs in ${folder.root}`);
  await using stage = await startStage(folder, options.firstPort, invocation.signal);
  try {
    const inner: Invocation = { ...invocation, signal: stage.signal };
    const jobs = await setUp(stage, folder, sources, ownPlaces);
    const rows = await runRounds(inner, { stage, folder, sources, ownPlaces, jobs: jobs.names });
    printResult(invocation, options.json, describeAll(stage, rows), () => formatReport(rows));
    invocation.exitCode = exitCode(rows);
    if (options.once) return;
    say(invocation, howToGoOn(stage, folder, jobs));
    if (!stage.signal.aborted) await once(stage.signal, 'abort');
    // Ctrl-C is how a demonstration that has shown everything is ended.
    if (!invocation.signal.aborted) throw stage.signal.reason;
  } catch (thrown) {
    // Whatever was going on then failed because of it.
    if (stage.signal.aborted) throw stage.signal.reason;
    throw thrown;
  }
}

function compileCache({ host }: Invocation): string {
  return host.env.NODE_COMPILE_CACHE ?? join(homedir(), '.cache', 'sealift');
}

function exitCode(rows: Measured[]): number {
  if (!rows.every((row) => row.identical)) return EXIT.failed;
  return rows.some((row) => row.unreadable) ? EXIT.warnings : EXIT.done;
}

function describeAll(stage: Stage, rows: Measured[]) {
  const processes = stage.daemons.map(({ name, pid }) => ({ name, pid }));
  return { api: `${stage.url}/api/v1`, processes, runs: rows };
}

function howToGoOn(stage: Stage, folder: UpFolder, jobs: DemoJobs): string {
  const token = `SEALIFT_TOKEN="$(cat ${quoted(stage.tokenFile)})"`;
  const reach = `SEALIFT_URL=${stage.url} ${token} SEALIFT_CA=${quoted(stage.authorityFile)}`;
  return [
    '',
    `API        ${stage.url}/api/v1   (token in ${stage.tokenFile})`,
    `data       ${folder.root}   (logs below logs/, encryption password in ${jobs.passwordFile})`,
    'Try:',
    `  ${reach} npx sealift point list`,
    '',
  ].join('\n');
}

/** For the shell, as one word. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
