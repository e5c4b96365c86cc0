/**
 * The workload of a guest that is to go down in another way than by sysrq (RehearsalPlan.workload): makes processes that sleep, tells what
 * /proc says of the machine (witness.json on its scratch disk), lets the kernel print the stacks of all tasks, and brings it down.
 *
 *   node crash-load.mjs READY-FILE     as root; the way is the word vmcore.crash=WAY of the kernel's command line
 *
 * Expects crash_module.ko at /mnt. The way `nmi` needs somebody to inject one when the console says that a CPU spins.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, setKernel } from './load/machine.ts';
import { makeSleepers } from './load/sleepers.ts';
import { readWitness } from './load/witness.ts';

/** CPU 0 or CPU 1, as taskset(1) wants it. */
const [firstCpu, secondCpu] = ['1', '2'];

/** In sh: a process of that name that asks the module for that on that CPU. */
const ask = (name: string, cpu: string | undefined, what: string): string =>
  `taskset ${cpu} sh -c 'echo -n ${name} >/proc/self/comm; echo ${what} >/proc/crash_module'`;

/** What brings the machine down, in sh. Each of the module's own words does it alone. */
const ways: Readonly<Record<string, string>> = {
  sysrq: 'echo c >/proc/sysrq-trigger',
  nmi: ask('spinner', firstCpu, 'spin'),
  'hung-cpu': `${ask('spinner', secondCpu, 'spin')} & sleep 1; ${ask('crasher', firstCpu, 'oops')}`,
};

function chosenWay(): string {
  const way = /\bvmcore\.crash=(\S+)/.exec(readFileSync('/proc/cmdline', 'latin1'))?.[1];
  if (way === undefined) throw new Error('the command line has no vmcore.crash=WAY');
  return way;
}

function settle(): void {
  setKernel('/proc/sys/kernel/panic_on_oops', 1);
  setKernel('/proc/sys/kernel/sysrq', 1);
  // Addresses in /proc are told to root.
  setKernel('/proc/sys/kernel/kptr_restrict', 1);
  for (const knob of ['unknown_nmi_panic', 'oops_all_cpu_backtrace']) {
    const file = `/proc/sys/kernel/${knob}`;
    if (existsSync(file)) setKernel(file, 1);
  }
}

/** On a disk that is clean afterwards, for it is read without its journal. */
function leaveWitness(made: Readonly<Record<string, number>>): void {
  const folder = '/run/scratch';
  const text = JSON.stringify(readWitness(made));
  mkdirSync(folder);
  run('mount', '-t', 'ext4', '/dev/vdb', folder);
  writeFileSync(`${folder}/witness.json`, text, { mode: 0o600 });
  run('umount', folder);
}

const [readyFile] = process.argv.slice(2);
if (readyFile === undefined) throw new Error('crash-load.mjs READY-FILE');
const way = chosenWay();
run('insmod', '/mnt/crash_module.ko');
settle();
const made = { ...(await makeSleepers()) };
writeFileSync(readyFile, 'crashes');
while (existsSync(readyFile)) await sleep(50);

// Two tasks that want the same CPU, in user mode.
for (const name of ['busy', 'busy-too']) {
  const child = spawn('/bin/sh', ['-c', `exec taskset ${secondCpu} sh -c 'while :; do :; done'`], {
    stdio: 'ignore',
  });
  if (child.pid !== undefined) made[name] = child.pid;
}
await sleep(500);
leaveWitness(made);
for (const key of ['m', 't']) setKernel('/proc/sysrq-trigger', key);
const script = ways[way] ?? ask('crasher', firstCpu, way);
spawn('/bin/sh', ['-c', script], { stdio: 'ignore' });
setInterval(() => {}, 1000);
