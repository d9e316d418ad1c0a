import { formatTable } from '../output/table.ts';
import { formatBytes, formatDuration, formatRate } from '../output/units.ts';

/** One backup of the demonstration and what came back from it. */
export interface Measured {
  mode: 'in-flight' | 'source-side';
  /** 1 for the first backup in this mode, 2 for the second. */
  run: number;
  runId: string;
  pointId: string;
  bytesRead: number;
  bytesNew: number;
  bytesSent: number;
  bytesStored: number;
  milliseconds: number;
  /** Files that could not be read were named and left out of the comparison. */
  unreadable: boolean;
  identical: boolean;
}

export function formatReport(rows: Measured[]): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'mode' },
    ...['run', 'read', 'new', 'sent', 'stored', 'ratio', 'rate', 'time'].map(right),
    { title: 'restored' },
  ];
  const cells = rows.map((row) => [
    row.mode,
    String(row.run),
    ...[row.bytesRead, row.bytesNew, row.bytesSent, row.bytesStored].map(formatBytes),
    row.bytesNew === 0 ? '-' : (row.bytesStored / row.bytesNew).toFixed(2),
    formatRate(row.bytesRead, row.milliseconds),
    formatDuration(row.milliseconds),
    row.identical ? 'identical' : 'DIFFERENT',
  ]);
  return formatTable(columns, cells);
}
