/** Tables for people: columns as wide as their cells, the last one cut where the terminal ends. In a pipe nothing is cut. */
import { harmless } from '../base/bytes.ts';
import { printText } from './output.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'right';
}

/** Prints `rows` below the titles; a row has a cell a column. What could drive a terminal is shown as \xNN: cells come from dumps. */
export function printTable(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
  printText(tableText(columns, rows, process.stdout.isTTY ? process.stdout.columns : undefined));
}

/** The same as text. `width`: characters of the terminal, undefined for no limit. */
export function tableText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width?: number,
): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => row.map(harmless))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
  return lines.map((line) => `${cut(rowText(line, columns, widths), width)}\n`).join('');
}

const rowText = (line: readonly string[], columns: readonly Column[], widths: readonly number[]): string =>
  columns
    .map(({ align }, i) => {
      const cell = line[i] ?? '';
      return align === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
    })
    .join('  ')
    .trimEnd();

const cut = (text: string, width: number | undefined): string =>
  width === undefined || text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
