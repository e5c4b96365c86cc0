/**
 * A stream of bytes into a command on a server, through the OpenSSH client.
 *
 * A dump is made by code that writes and does not wait (ByteSink), and node's pipes to a child take whatever they are given and keep it in memory. So
 * ssh gets a pipe of the kernel's own, whose writer sleeps while it is full: memory holds no more of the dump than that, 64 KiB. What ssh says goes
 * into a file, because while we sleep nobody reads a pipe, and its last words are wanted at once when it ends.
 *
 * A link that is dead is noticed by ssh (ServerAliveInterval), which then ends, and the writer with an error.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmcoreError } from '../../../base/errors.ts';
import { nodeChildProcess } from '../../../sys/late-modules.ts';
import { openPipe } from '../../../sys/libc.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import { sshError } from './ssh-errors.ts';

export interface StreamRequest {
  readonly program: string;
  readonly args: readonly string[];
  /** user@host, for messages. */
  readonly server: string;
  /** A new file for what ssh says, 0600; it is removed in the end. */
  readonly errorFile: string;
}

export class SshStream {
  readonly name: string;
  /** Bytes that were written. */
  size = 0;
  private readonly child: ChildProcess;
  private readonly exit: Promise<number>;
  private readonly errorFile: string;
  private pipe: number | undefined;

  /** E_SYSCALL when there is no pipe to be had. That ssh cannot be started is told by the first write, or by end(). */
  constructor({ program, args, server, errorFile }: StreamRequest) {
    this.name = server;
    this.errorFile = errorFile;
    const pipe = openPipe();
    if ('number' in pipe) {
      throw new VmcoreError('E_SYSCALL', `no pipe to ssh: ${pipe.name}`, { hint: 'free some memory' });
    }
    const errors = openSync(errorFile, 'wx', 0o600);
    this.pipe = pipe.writeEnd;
    this.child = nodeChildProcess().spawn(program, args, { stdio: [pipe.readEnd, 'ignore', errors] });
    // Ours: ssh has its own, and the pipe breaks only when nobody reads it any more.
    closeSync(pipe.readEnd);
    closeSync(errors);
    this.exit = new Promise((resolve) => {
      this.child.once('error', () => resolve(127));
      this.child.once('exit', (status) => resolve(status ?? 128));
    });
  }

  /** Writes all of `bytes`, in its own time. The error that sshError() makes of ssh's last words when it has ended. */
  write(bytes: Uint8Array): void {
    if (this.pipe === undefined) throw sshError(this.said(), this.name);
    for (let done = 0; done < bytes.length; ) {
      try {
        done += writeSync(this.pipe, bytes, done, bytes.length - done);
      } catch (error) {
        // node ignores SIGPIPE, so a pipe without a reader is an error of write(2).
        if ((error as NodeJS.ErrnoException).code !== 'EPIPE') {
          throw asVmcoreError(error, 'cannot write to ssh', { file: this.name });
        }
        throw sshError(this.lastWords(), this.name);
      }
    }
    this.size += bytes.length;
  }

  /** That was all. Resolves when the command on the server has ended well; the error otherwise, or when that takes more than `limit` milliseconds. */
  async end(limit: number): Promise<void> {
    this.closePipe();
    const abort = new AbortController();
    const late = sleep(limit, 'late' as const, { signal: abort.signal }).catch(() => 'late' as const);
    const status = await Promise.race([this.exit, late]);
    abort.abort();
    if (status === 0) {
      this.forget();
      return;
    }
    const error =
      status === 'late'
        ? new VmcoreError('E_IO', `the server did not confirm the data within ${limit / 1000} s`, {
            file: this.name,
            hint: 'look at the disk of the server',
          })
        : sshError(this.said(), this.name);
    this.stop();
    throw error;
  }

  /** Breaks it off. */
  stop(): void {
    this.closePipe();
    this.child.kill('SIGKILL');
    this.child.unref();
    this.forget();
  }

  private closePipe(): void {
    if (this.pipe === undefined) return;
    closeSync(this.pipe);
    this.pipe = undefined;
  }

  /** It has closed its end of the pipe, and is about to say why, if it has not yet. */
  private lastWords(): string {
    const nap = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < mostNaps && this.said() === ''; i++) Atomics.wait(nap, 0, 0, napTime);
    return this.said();
  }

  private said(): string {
    try {
      return readFileSync(this.errorFile, 'utf8');
    } catch {
      return '';
    }
  }

  private forget(): void {
    rmSync(this.errorFile, { force: true });
  }
}

/** Milliseconds; three seconds together. */
const napTime = 100;
const mostNaps = 30;
