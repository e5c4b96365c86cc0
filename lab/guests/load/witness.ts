/**
 * What a machine says of itself in /proc shortly before it is brought down: the witness that views of its dump are compared with.
 *
 * Runs in the guest as root (proc(5), Linux 6.1 to 7.2). A file that this kernel does not have, or that a task that ends has no more, is left
 * out.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface TaskWitness {
  /** Files of /proc/PID/task/TID: stat, status, comm, wchan, stack. */
  readonly files: Readonly<Record<string, string>>;
}

export interface ProcessWitness {
  /** Files of /proc/PID: maps, cmdline, mountinfo. Kernel threads have empty ones. */
  readonly files: Readonly<Record<string, string>>;
  /** Links of /proc/PID: exe, cwd, root, ns/mnt. */
  readonly links: Readonly<Record<string, string>>;
  /** Open files by number: what the link says, and the text of fdinfo. */
  readonly open: Readonly<Record<string, { readonly path: string; readonly info: string }>>;
  readonly threads: Readonly<Record<string, TaskWitness>>;
}

export interface Witness {
  /** Files of /proc and /sys, by their path. kallsyms: every 500th line of the kernel's, and all of modules'. */
  readonly files: Readonly<Record<string, string>>;
  readonly processes: Readonly<Record<string, ProcessWitness>>;
  /** The processes that were made for this, by what they do. */
  readonly made: Readonly<Record<string, number>>;
}

const systemFiles = [
  '/proc/modules',
  '/proc/mounts',
  '/proc/slabinfo',
  '/proc/meminfo',
  '/proc/vmstat',
  '/proc/zoneinfo',
  '/proc/buddyinfo',
  '/proc/interrupts',
  '/proc/iomem',
  '/proc/uptime',
  '/proc/loadavg',
  '/proc/version',
  '/proc/cmdline',
  '/proc/locks',
  '/proc/swaps',
  '/proc/sys/kernel/tainted',
  '/proc/sys/kernel/hostname',
  '/proc/sys/kernel/osrelease',
  '/proc/sys/kernel/version',
  '/sys/module/crash_module/sections/.text',
  '/sys/module/crash_module/sections/.data',
  '/sys/devices/system/cpu/possible',
  '/sys/devices/system/cpu/online',
];

export function readWitness(made: Readonly<Record<string, number>>): Witness {
  const processes: Record<string, ProcessWitness> = {};
  for (const pid of numbersIn('/proc')) processes[pid] = processWitness(`/proc/${pid}`);
  const files = textsOf(systemFiles, (path) => path);
  const symbols = textOf('/proc/kallsyms');
  if (symbols !== undefined) files['/proc/kallsyms'] = someSymbols(symbols);
  return { files, processes, made };
}

function processWitness(folder: string): ProcessWitness {
  const threads: Record<string, TaskWitness> = {};
  for (const tid of numbersIn(`${folder}/task`)) {
    const names = ['stat', 'status', 'comm', 'wchan', 'stack'];
    threads[tid] = { files: textsOf(names, (name) => `${folder}/task/${tid}/${name}`) };
  }
  const links: Record<string, string> = {};
  for (const name of ['exe', 'cwd', 'root', 'ns/mnt']) {
    const link = linkOf(`${folder}/${name}`);
    if (link !== undefined) links[name] = link;
  }
  const open: Record<string, { path: string; info: string }> = {};
  for (const fd of numbersIn(`${folder}/fd`)) {
    const path = linkOf(`${folder}/fd/${fd}`);
    if (path !== undefined) open[fd] = { path, info: textOf(`${folder}/fdinfo/${fd}`) ?? '' };
  }
  return {
    files: textsOf(['maps', 'cmdline', 'mountinfo'], (name) => `${folder}/${name}`),
    links,
    open,
    threads,
  };
}

function someSymbols(text: string): string {
  const lines = text.split('\n');
  return lines.filter((line, index) => index % 500 === 0 || line.endsWith(']')).join('\n');
}

const numbersIn = (folder: string): string[] =>
  unlessGone(() => readdirSync(folder).filter((name) => /^\d+$/.test(name))) ?? [];
const textOf = (path: string): string | undefined => unlessGone(() => readFileSync(path, 'latin1'));
const linkOf = (path: string): string | undefined => unlessGone(() => readlinkSync(path, 'latin1'));

function textsOf(names: readonly string[], pathOf: (name: string) => string): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of names) {
    const text = textOf(pathOf(name));
    if (text !== undefined) texts[name] = text;
  }
  return texts;
}

/** A task may end while it is looked at, and some files of kernel threads cannot be read. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
