/**
 * Programs of the capture kernel, with a limit that holds even for one that cannot be killed: a mount of a disk that does not answer sleeps in the
 * kernel, deaf to signals, and the save must go on without it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { VmcoreError } from '../../../base/errors.ts';
import { milliseconds } from '../../../sys/clock.ts';
import { nodeChildProcess } from '../../../sys/late-modules.ts';
import { lastLine, type ProgramResult } from '../../../sys/programs.ts';

/**
 * Runs `program`, found through PATH, with stdin from /dev/null. Resolves when it has ended, with whatever status. E_IO when it is not done
 * after `limit` milliseconds (it is killed, and left behind where that does not help), E_NEEDS when it cannot be started.
 */
export function runLimited(program: string, args: readonly string[], limit: number): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = nodeChildProcess().spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => err.push(piece));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      // Nothing of it may keep this process alive.
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      const said = lastLine(Buffer.concat(err).toString());
      reject(
        new VmcoreError('E_IO', `${program} did not end within ${limit / 1000} s${said && `: ${said}`}`, {
          hint: 'look at the device or the network behind it',
        }),
      );
    }, limit);
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(
        new VmcoreError('E_NEEDS', `${program} cannot be started: ${cause.message}`, {
          hint: 'build the capture image again: vmcore kdumpctl rebuild',
          cause,
        }),
      );
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString();
      resolve({
        status: status ?? 128,
        stdout: Buffer.concat(out),
        stderr: signal === null ? stderr : `${stderr}ended by ${signal}`,
      });
    });
  });
}

/** Asks `look` until it has an answer; undefined when it has none after `limit` milliseconds. At least once. */
export async function waitFor<Answer>(
  look: () => Answer | undefined | Promise<Answer | undefined>,
  limit: number,
  interval = 200,
): Promise<Answer | undefined> {
  const end = milliseconds() + limit;
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return answer;
    if (milliseconds() >= end) return undefined;
    await sleep(interval);
  }
}
