/** What live-kernel.ts tells by console, and reading it there. */

const mark = '@live ';

export interface LiveAnswer {
  readonly release: boolean;
  /** Tasks of both, and those that only one of them knows or that differ. */
  readonly tasks: number;
  readonly differentTasks: readonly string[];
  readonly modules: readonly string[];
  readonly differentModules: readonly string[];
  /** Bytes, by us and by /proc/meminfo. */
  readonly memTotal: readonly [ours: number | null, theirs: number];
  /** What the kernel logged of its version. */
  readonly version: string;
  /** Functions of a sleeping task, by us and by /proc/PID/stack, the innermost first. */
  readonly stack: readonly (string | null)[];
  readonly procStack: readonly string[];
  readonly idleComm: unknown;
  readonly missing: readonly string[];
  /** Views that failed, and why. */
  readonly failures: readonly string[];
  readonly otherUser: string;
  readonly lockedDown: string;
}

/** What was told; undefined when it was not. */
export function liveAnswer(console: string): LiveAnswer | undefined {
  const line = console.split('\n').find((text) => text.includes(mark));
  return line === undefined
    ? undefined
    : (JSON.parse(line.slice(line.indexOf(mark) + mark.length)) as LiveAnswer);
}

export const tellLive = (answer: LiveAnswer): void =>
  void process.stdout.write(`${mark}${JSON.stringify(answer)}\n`);
