/** What commands print: results to stdout, everything else to stderr. */

export const printText = (text: string): void => void process.stdout.write(text);

export const printJson = (value: unknown): void => printText(`${JSON.stringify(value, null, 2)}\n`);

/** `label  value` lines, labels padded to the longest. */
export function printFields(fields: readonly (readonly [label: string, value: string])[]): void {
  const width = Math.max(...fields.map(([label]) => label.length));
  printText(fields.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join(''));
}
