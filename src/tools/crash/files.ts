/** The `files` view: what a process has open, where it stands, and its root. */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import { readFiles } from '../../kernel/vfs/files.ts';
import { pathText } from '../../kernel/vfs/paths.ts';
import type { SocketEnds } from '../../kernel/vfs/sockets.ts';
import { requireTask } from './require-task.ts';

export interface FileInfo {
  readonly fd: number;
  readonly path: string;
  readonly flags: readonly string[];
  /** Bytes from the beginning. */
  readonly position: number;
  /** null for what is no socket. */
  readonly socket: SocketEnds | null;
  /** Of its struct file. */
  readonly address: string;
}

export interface ProcessFiles {
  readonly pid: number;
  readonly comm: string;
  /** Paths from the root of the mount tree on; null when the task has none any more (it is exiting), or they could not be read. */
  readonly root: string | null;
  readonly workingDirectory: string | null;
  readonly files: readonly FileInfo[];
  readonly missing: readonly string[];
}

/** E_USAGE when there is no such task. */
export function listFiles(crashed: CrashedKernel, pid: number): ProcessFiles {
  const missing = new Missing();
  const task = requireTask(crashed, pid, missing);
  const place = (member: 'root' | 'pwd'): string | null =>
    missing.attempt(`its ${member === 'pwd' ? 'working directory' : 'root'}`, () => {
      const fs = task.struct.follow('fs');
      return fs === undefined ? undefined : pathText(crashed, fs.struct(member), missing);
    }) ?? null;
  const files = Array.from(readFiles(crashed, task.struct, missing), ({ address, socket, ...file }) => ({
    ...file,
    socket: socket ?? null,
    address: hex(address),
  }));
  return {
    pid: task.pid,
    comm: task.comm,
    root: place('root'),
    workingDirectory: place('pwd'),
    files,
    missing: missing.lines,
  };
}
