/**
 * A workload that reads the kernel it runs on, through /proc/kcore, and holds that against what the same kernel says of itself in /proc. Tells the differences in
 * one line on the console. Then why it may not read: as another user, and when the kernel is locked down.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CrashDump, openDump, VmcoreError } from '../../src/library/index.ts';
import { type LiveAnswer, tellLive } from './tell-live.ts';

const text = (path: string): string => readFileSync(path, 'utf8');

/**
 * /proc shows more of a kernel thread's name than its task_struct holds (16 bytes with the NUL), and behind that of a worker what it last worked on
 * (proc_task_name() in fs/proc/array.c, Linux 6.1).
 */
const commOf = (name: string): string => name.replace(/^(kworker\/\w+:\w+)[-+].*$/, '$1').slice(0, 15);

/** "PID TGID PPID COMM" of every thread, as /proc has it now. */
function procTasks(): Set<string> {
  const tasks = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const tid of readdirSync(`/proc/${pid}/task`)) {
        const status = text(`/proc/${pid}/task/${tid}/status`);
        const field = (name: string): string => new RegExp(`^${name}:\\t(.*)$`, 'm').exec(status)?.[1] ?? '';
        tasks.add(`${tid} ${field('Tgid')} ${field('PPid')} ${commOf(field('Name'))}`);
      }
    } catch {
      // It ended meanwhile.
    }
  }
  return tasks;
}

function compare(
  dump: CrashDump,
  sleeper: number,
): Omit<LiveAnswer, 'failures' | 'otherUser' | 'lockedDown'> {
  const before = procTasks();
  const found = dump.tasks();
  const ours = new Set(Array.from(found, ({ pid, tgid, ppid, comm }) => `${pid} ${tgid} ${ppid} ${comm}`));
  const after = procTasks();
  // Those that were there all the time must be found, and what is found must have been there at one time,
  const lost = [...before].filter((task) => after.has(task) && !ours.has(task));
  const pidOf = (task: string): number => Number.parseInt(task, 10);
  // but for those that began and ended while we looked.
  const newest = Math.max(...[...before].map(pidOf));
  const invented = [...ours].filter((task) => !before.has(task) && !after.has(task) && pidOf(task) <= newest);
  const modules = Array.from(
    dump.modules(),
    ({ name, base, size }) => `${name} ${size} 0x${base.toString(16)}`,
  );
  const procModules = text('/proc/modules')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [name, size, , , , base] = line.split(' ');
      return `${name} ${size} ${base}`;
    });
  const task = dump.task(sleeper);
  return {
    release: dump.kernel.release === text('/proc/sys/kernel/osrelease').trim(),
    tasks: ours.size,
    differentTasks: [...lost.map((each) => `-${each}`), ...invented.map((each) => `+${each}`)],
    modules,
    differentModules: [
      ...procModules.filter((module) => !modules.includes(module)).map((module) => `-${module}`),
      ...modules.filter((module) => !procModules.includes(module)).map((module) => `+${module}`),
    ],
    memTotal: [dump.views.mem().total, 1024 * Number(/^MemTotal:\s+(\d+)/m.exec(text('/proc/meminfo'))?.[1])],
    // The kernel's first words, on arm64 behind those of its processor.
    version: dump.dmesg().find(({ text: line }) => line.startsWith('Linux version '))?.text ?? '',
    stack: task === undefined ? [] : Array.from(task.frames(), ({ symbol }) => symbol ?? null),
    procStack: [...text(`/proc/${sleeper}/stack`).matchAll(/^\[<0>\] ([^+]+)\+/gm)].map(([, name]) => name!),
    idleComm: dump.kernel.var('init_task').comm,
    missing: found.missing,
  };
}

/** Views that fail. What of a list they could not read may be different each time: it changes under them. */
function failures(dump: CrashDump): string[] {
  const { views } = dump;
  const lines: string[] = [];
  for (const name of [
    'bt',
    'irq',
    'locks',
    'mem',
    'mod',
    'mount',
    'ps',
    'report',
    'runq',
    'slab',
    'sys',
  ] as const) {
    try {
      views[name]();
    } catch (error) {
      lines.push(`${name}: ${error instanceof VmcoreError ? error.toLine() : String(error)}`);
    }
  }
  return lines;
}

async function refusal(): Promise<string> {
  try {
    (await openDump('/proc/kcore')).close();
    return 'opened';
  } catch (error) {
    return error instanceof VmcoreError ? error.toLine() : String(error);
  }
}

const sleeper = spawn('/bin/sleep', ['1000']);
await sleep(500);
const dump = await openDump('/proc/kcore');
const compared = { ...compare(dump, sleeper.pid!), failures: failures(dump) };
dump.close();
sleeper.kill();
process.seteuid!(65534);
const otherUser = await refusal();
process.seteuid!(0);
spawnSync('/bin/mount', ['-t', 'securityfs', 'securityfs', '/sys/kernel/security']);
writeFileSync('/sys/kernel/security/lockdown', 'confidentiality');
const answer: LiveAnswer = { ...compared, otherUser, lockedDown: await refusal() };
tellLive(answer);
setInterval(() => {}, 1000);
