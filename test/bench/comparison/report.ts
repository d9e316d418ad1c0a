import { CASES, type Sample } from './measure.ts';

/** Share of the time of the faster peer that we are after, by data and case: on the local disk, over the network. */
const GOALS: Record<string, { local: number; network: number }> = {
  'image.img first': { local: 0.5, network: 0.4 },
  'filesystem.img first': { local: 0.5, network: 0.4 },
  'tree first': { local: 0.5, network: 0.4 },
  'tree unchanged': { local: 0.25, network: 0.25 },
  'image.img restore': { local: 1, network: 0.6 },
  'filesystem.img restore': { local: 1, network: 0.6 },
  'tree restore': { local: 0.5, network: 0.4 },
};
const PEERS = ['restic', 'borg'];

export interface Row {
  set: string;
  case: string;
  contender: string;
  /** Medians over the repetitions. */
  seconds: number;
  cpuSeconds: number;
  peakBytes: number;
  bytesSent: number | undefined;
  bytesStored: number;
  /** Time as a share of that of the faster peer, and what it should be at most. */
  ratio: number | undefined;
  goal: number | undefined;
}

/** Medians of what was measured, each beside the faster peer. */
export function summarize(samples: Sample[], way: 'local' | 'network'): Row[] {
  const rows = [...new Set(samples.map(({ set }) => set))].flatMap((set) =>
    CASES.flatMap((name) => {
      const here = samples.filter((sample) => sample.set === set && sample.case === name);
      return [...new Set(here.map(({ contender }) => contender))].map((contender) =>
        rowOf(set, name, contender, here, GOALS[`${set} ${name}`]?.[way]),
      );
    }),
  );
  return rows.map((row) => ({ ...row, ratio: ratioOf(row, rows) }));
}

function rowOf(set: string, name: string, contender: string, samples: Sample[], goal: number | undefined): Row {
  const own = samples.filter((sample) => sample.contender === contender).map(({ measured }) => measured);
  const sent = own.flatMap(({ bytesSent }) => (bytesSent === undefined ? [] : [bytesSent]));
  return {
    set,
    case: name,
    contender,
    seconds: median(own.map(({ seconds }) => seconds)),
    cpuSeconds: median(own.map(({ cpuSeconds }) => cpuSeconds)),
    peakBytes: Math.max(...own.map(({ peakBytes }) => peakBytes)),
    bytesSent: sent.length === 0 ? undefined : median(sent),
    bytesStored: median(own.map(({ bytesStored }) => bytesStored)),
    ratio: undefined,
    goal: PEERS.includes(contender) ? undefined : goal,
  };
}

function ratioOf(row: Row, rows: Row[]): number | undefined {
  if (PEERS.includes(row.contender)) return undefined;
  const peers = rows.filter(
    ({ set, case: name, contender }) => set === row.set && name === row.case && PEERS.includes(contender),
  );
  return peers.length === 0 ? undefined : row.seconds / Math.min(...peers.map(({ seconds }) => seconds));
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** As Markdown, to go into the README as it is. */
export function formatRows(rows: Row[]): string {
  const titles = [
    'data',
    'case',
    'program',
    'time',
    'of the faster peer',
    'goal',
    'CPU',
    'peak memory',
    'sent',
    'stored',
  ];
  const lines = rows.map((row) => [
    row.set,
    row.case,
    row.contender,
    `${row.seconds.toFixed(2)} s`,
    row.ratio?.toFixed(2) ?? '',
    row.goal?.toFixed(2) ?? '',
    `${row.cpuSeconds.toFixed(2)} s`,
    megabytes(row.peakBytes),
    row.bytesSent === undefined ? '' : megabytes(row.bytesSent),
    megabytes(row.bytesStored),
  ]);
  return [titles, titles.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Seconds of threads in each stage, medians, of each side; the rest of a run's time they waited. */
export function formatStages(samples: Sample[]): string {
  const own = samples.filter(({ measured }) => measured.profile !== undefined);
  const groups = Map.groupBy(own, ({ set, case: name, contender }) => `${set} ${name}, ${contender}`);
  return [...groups].map(([title, of]) => `${title}\n${sideLines(of).join('\n')}`).join('\n');
}

function sideLines(samples: Sample[]): string[] {
  return (['source', 'target'] as const).map((side) => {
    const profiles = samples.flatMap(({ measured: { profile } }) => (profile === undefined ? [] : [profile]));
    const stages = Object.keys(profiles[0]?.stages[side] ?? {}).map((stage) => ({
      stage,
      seconds: median(profiles.map(({ stages }) => stages[side][stage] ?? 0)),
    }));
    const busy = stages.filter(({ seconds }) => seconds >= 0.005).toSorted((a, b) => b.seconds - a.seconds);
    const cpu = median(profiles.map(({ cpuSeconds }) => cpuSeconds[side]));
    const peak = Math.max(...profiles.map(({ peakBytes }) => peakBytes[side]));
    const parts = busy.map(({ stage, seconds }) => `${stage} ${seconds.toFixed(2)}`).join(', ');
    return `  ${side}: CPU ${cpu.toFixed(2)} s, peak ${megabytes(peak)}; ${parts}`;
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
