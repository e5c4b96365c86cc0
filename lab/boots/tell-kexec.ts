/**
 * For workloads: runs our kexec in the guest as its user would, and says on the console what came out. A test finds it there with
 * `kexecAnswers`.
 */
import { spawnSync } from 'node:child_process';

const program = ['/vmcore/bin/node', '--disable-warning=ExperimentalWarning', '/vmcore/vmcore.mjs', 'kexec'];
const mark = '@kexec ';

export interface KexecAnswer {
  readonly name: string;
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `uid`: as that user; root when not given. */
export function tellKexec(name: string, args: readonly string[], uid?: number): KexecAnswer {
  const [node = '', ...rest] = program;
  const { status, stdout, stderr } = spawnSync(node, [...rest, ...args], {
    encoding: 'utf8',
    // As small as a command should be, beside everything else in this machine.
    maxBuffer: 2 ** 20,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const answer = { name, status, stdout, stderr };
  process.stdout.write(`${mark}${JSON.stringify(answer)}\n`);
  return answer;
}

/** Goes on as our kexec: this process becomes it, and does not come back. */
export function becomeKexec(args: readonly string[]): void {
  const [node = ''] = program;
  process.execve?.(node, [...program, ...args], { PATH: '/bin', HOME: '/' });
}

/** What was told, by name. */
export function kexecAnswers(console: string): Map<string, KexecAnswer> {
  const answers = new Map<string, KexecAnswer>();
  for (const line of console.split('\n')) {
    const at = line.indexOf(mark);
    if (at < 0) continue;
    const answer = JSON.parse(line.slice(at + mark.length)) as KexecAnswer;
    answers.set(answer.name, answer);
  }
  return answers;
}
