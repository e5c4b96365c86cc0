/**
 * The administrator's programs around a save: kdump_pre, pre.d, post.d, kdump_post. Each has a limit; what it says goes to the journal.
 *
 * Source of truth: kdump.conf(5), do_kdump_pre() and do_kdump_post() of kdump-utils (63f248c): kdump_pre that fails forbids the dump; of all
 * others a failure is only told; scripts in the folders run in the order of their names, with the status of the save as argument after it.
 * Ours: a kdump_pre that cannot be started, or that is late, has forbidden nothing, and the dump goes on.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { milliseconds } from '../../../sys/clock.ts';
import { nodeChildProcess } from '../../../sys/late-modules.ts';
import type { Journal } from '../journal.ts';

export type HookName = 'kdump_pre' | 'pre.d' | 'post.d' | 'kdump_post';

export interface Hook {
  readonly name: HookName;
  readonly program: string;
  readonly args: readonly string[];
}

/** How it ended: its exit status, or why there is none. */
export type HookEnd = { readonly status: number } | { readonly message: string };

/** Lines of each output of a hook that are told; a console is slow, and a log has an end. */
const maxLines = 100;
/** Milliseconds that output may lag behind the end of a program whose children go on. */
const outputLag = 200;

export interface HookFolders {
  readonly before: string;
  readonly after: string;
}

export const hookFolders: HookFolders = { before: '/etc/kdump/pre.d', after: '/etc/kdump/post.d' };

/** The programs of a folder, in the order of their names, without arguments; none when there is no such folder. */
export function hooksIn(folder: string, name: HookName): Hook[] {
  // An error costs more than a question.
  if (!existsSync(folder)) return [];
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
      .map((file) => ({ name, program: join(folder, file), args: [] }));
  } catch {
    return [];
  }
}

/** Runs it in a session of its own, for `limit` seconds at the most. Never throws. */
export async function runHook(hook: Hook, limit: number, journal: Journal): Promise<HookEnd> {
  const { name, program } = hook;
  journal.event('hook-start', { hook: name, program });
  const started = milliseconds();
  const end = await ended(hook, limit, (message) => journal.event('hook-output', { hook: name, message }));
  const seconds = Math.round(milliseconds() - started) / 1000;
  journal.event('hook-done', { hook: name, program, ...end, seconds });
  return end;
}

function ended({ program, args }: Hook, limit: number, tell: (line: string) => void): Promise<HookEnd> {
  return new Promise((resolve) => {
    const child = nodeChildProcess().spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let message: string | undefined;
    const timer = setTimeout(() => {
      message = `ended after ${limit} seconds`;
      endSession(child.pid);
    }, limit * 1000);
    const outputs = [child.stdout, child.stderr].map((stream) => {
      const lines = new Lines(tell);
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => lines.add(text));
      return { stream, lines };
    });
    const settle = (end: HookEnd): void => {
      clearTimeout(timer);
      for (const { stream, lines } of outputs) {
        stream.destroy();
        lines.end();
      }
      resolve(end);
    };
    child.on('error', (cause) => settle({ message: `cannot be started: ${cause.message}` }));
    child.on('exit', (status, signal) => {
      const end = status === null ? { message: message ?? `ended by ${signal}` } : { status };
      // A child of the hook may keep the output open; nobody waits for it.
      const lag = setTimeout(() => settle(end), outputLag);
      child.once('close', () => {
        clearTimeout(lag);
        settle(end);
      });
    });
  });
}

/** The program and its children. */
function endSession(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** What a hook says on one of its outputs, line by line. */
class Lines {
  private readonly tell: (line: string) => void;
  private rest = '';
  private told = 0;

  constructor(tell: (line: string) => void) {
    this.tell = tell;
  }

  add(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.line(line);
  }

  end(): void {
    if (this.rest !== '') this.line(this.rest);
    this.rest = '';
  }

  private line(line: string): void {
    this.told++;
    if (this.told < maxLines) this.tell(line);
    else if (this.told === maxLines) this.tell('…');
  }
}

/** Whether a kdump_pre that ended so forbids the dump. */
export const forbids = (end: HookEnd): end is { readonly status: number } =>
  'status' in end && end.status !== 0;
