/** What commands print: results to stdout, everything else to stderr. */
import { harmless } from '../base/bytes.ts';
import { programName, standardOutput } from './ending.ts';

export const printText = (text: string): void => void standardOutput().write(text);

export const printJson = (value: unknown): void => printText(`${JSON.stringify(value, null, 2)}\n`);

/** `label  value` lines, labels padded to the longest. */
export function printFields(fields: readonly (readonly [label: string, value: string])[]): void {
  const width = Math.max(...fields.map(([label]) => label.length));
  printText(fields.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join(''));
}

/** What a view could not read, a line each, on stderr: the results on stdout stay what they are. */
export function printMissing(lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`${programName}: missing: ${harmless(line)}\n`);
}
