/** What is done in the machine, one program after the other, and how it is told over the serial console. */
export interface Step {
  /** Of its own in a run. */
  readonly name: string;
  readonly command: readonly string[];
}

export interface StepResult {
  readonly name: string;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

const mark = '#step ';

/** One line of ASCII: the kernel's own lines stay apart from it. */
export const stepLine = (result: StepResult): string =>
  `${mark}${Buffer.from(JSON.stringify(result)).toString('base64')}`;

/** The result that a line of the console tells; undefined when it is another line. */
export function parseStepLine(line: string): StepResult | undefined {
  const at = line.indexOf(mark);
  if (at < 0) return undefined;
  const text = Buffer.from(line.slice(at + mark.length).trim(), 'base64').toString('utf8');
  // Written by stepLine() in the machine; a line that another one broke does not parse.
  return JSON.parse(text) as StepResult;
}
