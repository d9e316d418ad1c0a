export interface Column {
  title: string;
  align?: 'left' | 'right';
}

/** Columns as wide as their widest cell, two spaces between them, no space at the end of a line. */
export function formatTable(columns: Column[], rows: string[][]): string {
  const widths = columns.map((column, at) => Math.max(width(column.title), ...rows.map((row) => width(row[at] ?? ''))));
  const line = (cells: string[]) =>
    columns
      .map((column, at) => pad(cells[at] ?? '', widths[at] as number, column.align ?? 'left'))
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

/** Code points: close enough for names and numbers, and never splits a character. */
function width(text: string): number {
  return [...text].length;
}

function pad(text: string, size: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(size - width(text));
  return align === 'left' ? text + space : space + text;
}
