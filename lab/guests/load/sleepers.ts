/**
 * Processes that sleep, each in another part of the kernel, or are stopped, traced or dead: for the stacks, files, mounts and locks of a
 * dump. All of them stay as they are until the machine goes down.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { run } from './machine.ts';

/** Scripts of sh: what each process does. The words of /proc/crash_module are those of crash-module/crash_module.c. */
const scripts: Readonly<Record<string, string>> = {
  sleeping: 'exec sleep 100000',
  'waiting-for-child': 'sleep 100001; true',
  'zombie-parent': 'sleep 0 & exec sleep 100002',
  'pipe-reader': 'sleep 100003 | cat',
  'pipe-writer': 'cat /dev/zero | sleep 100004',
  'fifo-opener': 'mkfifo /run/fifo; exec cat /run/fifo',
  terminal: 'exec cat /dev/console',
  'tcp-listener': 'exec nc -l -p 4000',
  'unix-datagrams': 'exec syslogd -n -O /run/messages',
  nice: 'renice -n 5 -p $$; exec sleep 100005',
  'open-files':
    'mkdir -p /run/deep/a/b/c; echo text >/run/deep/a/b/c/file; exec 5>/run/gone 6</run/deep/a/b/c/file 7</proc/meminfo; rm /run/gone; cd /run/deep/a; exec sleep 100006',
  'own-mounts': 'exec unshare -m sh -c "mount -t tmpfs mine /tmp; exec sleep 100007"',
  'own-pids': 'exec unshare -p -f sleep 100008',
};

/** In the order in which they have to ask: the first one holds what the others wait for. */
const blocked = [
  'hold',
  'mutex',
  'rwsem-read',
  'rwsem-write',
  'semaphore',
  'rt-mutex',
  'completion',
] as const;

const pidsOf = new Map<string, number>();

function start(name: string, script: string, uid = 0): void {
  const child = spawn('/bin/sh', ['-c', script], { stdio: 'ignore', detached: true, uid, gid: uid });
  child.unref();
  if (child.pid !== undefined) pidsOf.set(name, child.pid);
}

/** Makes them all; their process ids by name. */
export async function makeSleepers(): Promise<Readonly<Record<string, number>>> {
  run('ifconfig', 'lo', '127.0.0.1', 'up');
  makeMounts();
  for (const [name, script] of Object.entries(scripts)) start(name, script);
  start('user', 'exec sleep 100009', 1000);
  start('stopped', 'kill -STOP $$; exec sleep 100010');
  traced();
  listen();
  threads();
  for (const what of blocked) {
    start(what, `echo -n ${what} >/proc/self/comm; echo ${what} >/proc/crash_module`);
    await sleep(300);
  }
  // Its name has two lines.
  start('mutex-too', 'printf "two\\nlines" >/proc/self/comm; echo mutex >/proc/crash_module');
  await sleep(1000);
  return Object.fromEntries(pidsOf);
}

function makeMounts(): void {
  for (const folder of ['/run/with space', '/run/bound', '/run/under'])
    mkdirSync(folder, { recursive: true });
  run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'one', '/run/with space');
  run('mount', '-o', 'bind', '/run/with space', '/run/bound');
  // One over the other.
  run('mount', '-t', 'tmpfs', 'lower', '/run/under');
  run('mount', '-t', 'tmpfs', '-o', 'ro', 'upper', '/run/under');
}

/** ptrace(PTRACE_ATTACH) of node's main thread, which does not wait for it: its child stays stopped. */
function traced(): void {
  const { stdout } = spawnSync('/bin/sh', ['-c', 'sleep 100011 >/dev/null 2>&1 & echo $!'], {
    encoding: 'utf8',
  });
  const pid = Number(stdout.trim());
  pidsOf.set('traced', pid);
  const ffi = process.getBuiltinModule('node:ffi') as typeof import('node:ffi');
  const libc = new ffi.DynamicLibrary(null);
  const attach = 16;
  // long ptrace(enum __ptrace_request request, pid_t pid, void *addr, void *data)
  const ptrace = libc.getFunction('ptrace', {
    arguments: ['int32', 'int32', 'uint64', 'uint64'],
    return: 'int64',
  });
  ptrace(attach, pid, 0n, 0n);
}

/** Threads of this process: in epoll_wait(2) with sockets, and in futex(2). */
function listen(): void {
  createServer().listen('/run/server.sock');
  createServer().listen(4001, '127.0.0.1');
}

function threads(): void {
  const file = '/run/waits.mjs';
  writeFileSync(file, 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);\n');
  for (let i = 0; i < 2; i++) new Worker(file);
}
