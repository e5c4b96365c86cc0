/**
 * A machine at work, for `vmcore rehearse --workload`: runs in the guest before its panic and fills its memory with every kind of page
 * that a dump level can leave out, and with those that look like one of them and are not.
 *
 *   node heavy-load.mjs READY-FILE     as root, in the rehearsed machine; makes READY-FILE when all is there, and stays
 *
 * Sizes follow the memory that is free at the start. Each part tells in the kernel log what it made (`vmcore: load {…}`).
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kernelJournal } from '../../src/tools/kdumpctl/journal.ts';
import { PageContents } from './load/contents.ts';
import { mountScratch, run, setKernel } from './load/machine.ts';
import { Advice, GuestMemory, largestMapping, type Mapping } from './load/memory.ts';

const MiB = 2 ** 20;
const hugePage = 2 * MiB;
/** Stays free for the arming of the crash kernel: Node, the kernel and its initramfs, then a part of all memory. */
const reserve = { bytes: 112 * MiB, share: 0.08 };
/** Shares of what may be used. */
const share = {
  plain: 0.34,
  transparentHuge: 0.18,
  smallHuge: 0.03,
  hugetlb: 0.08,
  tmpfs: 0.07,
  hugeTmpfs: 0.03,
  files: 0.16,
  smallBlocks: 0.03,
  dirty: 0.05,
};
const tasks = 300;
const filesPerGiB = 60_000;

const memory = new GuestMemory();
const contents = new PageContents('/vmcore/bin/node', '/vmcore/vmcore.mjs');
const journal = kernelJournal();
/** Referenced for ever: unmapped memory is no load. */
const held: Mapping[] = [];

function meminfo(key: string): number {
  const match = new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'latin1'));
  return Number(match?.[1] ?? 0) * 1024;
}

const roundTo = (bytes: number, unit: number): number => Math.max(unit, Math.floor(bytes / unit) * unit);

/** Runs a part and tells how long it took. What one kernel cannot do must not stop the others. */
async function part(name: string, work: () => Promise<object> | object): Promise<void> {
  const started = performance.now();
  let made: object;
  try {
    made = await work();
  } catch (error) {
    made = { failed: String(error) };
  }
  const seconds = Math.round((performance.now() - started) / 10) / 100;
  journal.event('load', { part: name, seconds, ...made });
}

/** `size` bytes of anonymous memory, filled, in mappings that are not too large. */
function anonymous(size: number, advice: Advice): Mapping[] {
  const made: Mapping[] = [];
  for (let left = size; left > 0; left -= largestMapping) {
    // One huge page more, so that an aligned start is inside.
    const mapping = memory.map(Math.min(left, largestMapping) + hugePage);
    memory.advise(mapping, advice, 0, mapping.bytes.length);
    contents.fill(mapping.bytes);
    made.push(mapping);
  }
  held.push(...made);
  return made;
}

/** Half of them are used. Memory may have to be put in order before so much of it lies together. */
async function hugetlb(size: number): Promise<object> {
  const wanted = Math.max(8, Math.floor(size / hugePage));
  const there = (): number => Number(readFileSync('/proc/sys/vm/nr_hugepages', 'latin1'));
  for (let tries = 0; tries < 20 && there() < wanted; tries++) {
    if (tries > 0) {
      setKernel('/proc/sys/vm/compact_memory', 1);
      await sleep(200);
    }
    setKernel('/proc/sys/vm/nr_hugepages', wanted);
  }
  const used = memory.map(Math.floor(there() / 2) * hugePage, { kind: 'hugetlb' });
  contents.fill(used.bytes);
  held.push(used);
  return { wanted, pages: there(), free: meminfo('HugePages_Free') / 1024 };
}

/** Sizes between a page and a huge page exist since 6.8. */
function smallHuge(size: number): object {
  const folder = '/sys/kernel/mm/transparent_hugepage';
  if (!existsSync(`${folder}/hugepages-64kB`)) return { skipped: 'this kernel has no such pages' };
  setKernel(`${folder}/hugepages-64kB/enabled`, 'madvise');
  setKernel(`${folder}/hugepages-2048kB/enabled`, 'never');
  anonymous(size, Advice.hugepage);
  setKernel(`${folder}/hugepages-2048kB/enabled`, 'inherit');
  return { bytes: size };
}

/** Swapped out, and half of it read back, which leaves it in the swap cache. */
function swap([mapping]: readonly Mapping[]): object {
  if (mapping === undefined) return {};
  const size = roundTo(mapping.bytes.length * 0.25, memory.pageSize);
  const taken = memory.advise(mapping, Advice.pageout, 0, size);
  memory.touch(mapping.bytes.subarray(0, size / 2));
  return { bytes: size, taken, swapCached: meminfo('SwapCached'), swapFree: meminfo('SwapFree') };
}

/** Equal pages that the kernel keeps once. */
async function merged(): Promise<object> {
  const mapping = memory.map(8 * MiB);
  held.push(mapping);
  for (let at = 0; at < mapping.bytes.length; at += memory.pageSize) {
    mapping.bytes.fill(`page ${(at / memory.pageSize) % 16} `, at, at + memory.pageSize);
  }
  memory.advise(mapping, Advice.nohugepage, 0, mapping.bytes.length);
  memory.advise(mapping, Advice.mergeable, 0, mapping.bytes.length);
  const ksm = '/sys/kernel/mm/ksm';
  setKernel(`${ksm}/pages_to_scan`, 20_000);
  setKernel(`${ksm}/run`, 1);
  const sharing = (): number => Number(readFileSync(`${ksm}/pages_sharing`, 'latin1'));
  for (let tries = 0; tries < 40 && sharing() === 0; tries++) await sleep(100);
  setKernel(`${ksm}/run`, 0);
  return { sharing: sharing() };
}

/** Memory whose hardware is said to be failing: moved elsewhere, the old pages never used again. */
function softOffline(): object {
  const mapping = memory.map(16 * memory.pageSize);
  held.push(mapping);
  memory.advise(mapping, Advice.nohugepage, 0, mapping.bytes.length);
  contents.fill(mapping.bytes);
  let pages = 0;
  for (let at = 0; at < mapping.bytes.length; at += memory.pageSize) {
    if (memory.advise(mapping, Advice.softOffline, at, memory.pageSize)) pages++;
  }
  return { pages };
}

/** Page tables for addresses that are hardly used. */
function pageTables(): object {
  const mapping = memory.map(largestMapping, { kind: 'reserved' });
  held.push(mapping);
  memory.advise(mapping, Advice.nohugepage, 0, mapping.bytes.length);
  let sum = 0;
  for (let at = 0; at < mapping.bytes.length; at += hugePage) sum += mapping.bytes[at]!;
  return { tables: mapping.bytes.length / hugePage, sum };
}

const buffer = Buffer.alloc(4 * MiB);

function writeFile(path: string, size: number, sync: boolean): void {
  const fd = openSync(path, 'w');
  for (let at = 0; at < size; at += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, size - at));
    contents.fill(piece);
    writeSync(fd, piece, 0, piece.length, at);
  }
  if (sync) fdatasyncSync(fd);
  closeSync(fd);
}

function readFile(path: string): void {
  const fd = openSync(path, 'r');
  while (readSync(fd, buffer) > 0);
  closeSync(fd);
}

/** Page cache of ext4: clean, mapped and locked. */
function files(folder: string, size: number): object {
  writeFile(join(folder, 'clean'), size, true);
  readFile('/vmcore/bin/node');
  const path = join(folder, 'mapped');
  writeFile(path, roundTo(size * 0.1, 64 * 1024), true);
  const fd = openSync(path, 'r+');
  const mapping = memory.map(roundTo(statSync(path).size, memory.pageSize), { kind: 'file', fd });
  closeSync(fd);
  memory.touch(mapping.bytes);
  held.push(mapping);
  const locked = memory.map(2 * MiB);
  contents.fill(locked.bytes);
  held.push(locked);
  return { locked: memory.lock(locked), cached: meminfo('Cached') };
}

const smallBlocksFolder = '/run/small-blocks';

/** Blocks smaller than a page: every page of the cache has buffer heads, its private data. */
function smallBlocks(folder: string, size: number): object {
  const image = join(folder, 'small-blocks.img');
  run('truncate', '-s', `${2 * size + 8 * MiB}`, image);
  run('mke2fs', '-F', '-b', '1024', image);
  mkdirSync(smallBlocksFolder);
  run('mount', '-t', 'ext4', '-o', 'loop', image, smallBlocksFolder);
  writeFile(join(smallBlocksFolder, 'clean'), size, true);
  for (let i = 0; i < 500; i++) writeFileSync(join(smallBlocksFolder, `f${i}`), `${i}`);
  return { buffers: meminfo('Buffers') };
}

/** Not on the disk yet: whole files, some pages of a clean one, and pages with private data. Last, for any sync would clean them. */
function dirty(folder: string, size: number): object {
  writeFile(join(folder, 'dirty'), size, false);
  const path = join(folder, 'clean');
  const again = openSync(path, 'r+');
  for (let at = 0; at < statSync(path).size; at += MiB) writeSync(again, 'again', at);
  closeSync(again);
  writeFile(join(smallBlocksFolder, 'dirty'), size / 4, false);
  return { dirty: meminfo('Dirty') };
}

/**
 * Arming the crash kernel takes memory, and a kernel that reclaims some first writes all that is dirty to the disk. The same pages
 * are then made dirty again.
 */
function keepDirty(folder: string, size: number): void {
  if (meminfo('Dirty') >= size / 2) return;
  for (const [path, length] of [
    [join(folder, 'dirty'), size],
    [join(smallBlocksFolder, 'dirty'), size / 4],
  ] as const) {
    const fd = openSync(path, 'r+');
    for (let at = 0; at < length; at += memory.pageSize) writeSync(fd, 'dirty again', at);
    closeSync(fd);
  }
}

/** Files and links, some opened once, and names that were looked for and are not there. */
function names(folder: string, count: number): object {
  for (const [place, many] of [
    [folder, Math.floor(count / 2)],
    // The kernel does not give these up when memory is short: a tmpfs has its names nowhere else.
    ['/run/names', count],
  ] as const) {
    mkdirSync(place, { recursive: true });
    for (let i = 0; i < many; i++) {
      if (i % 250 === 0) mkdirSync(join(place, `d${Math.floor(i / 250)}`), { recursive: true });
      const path = join(place, `d${Math.floor(i / 250)}`, `file-${i}-with-a-name-of-some-length`);
      if (i % 8 === 0) symlinkSync(`/vmcore/target-${i}`, path);
      else closeSync(openSync(path, 'w'));
    }
  }
  for (let i = 0; i < count / 4; i++) existsSync(join(folder, `not-there-${i}`));
  return { state: readFileSync('/proc/sys/fs/dentry-state', 'latin1').trim() };
}

/** Sleeping processes, made by one shell. */
async function processes(count: number): Promise<object> {
  const script = `i=0; while [ $i -lt ${count} ]; do sleep 100000 & i=$((i+1)); done; wait`;
  spawn('/bin/sh', ['-c', script], { stdio: 'ignore', detached: true }).unref();
  const running = (): number => Number(/\/(\d+)/.exec(readFileSync('/proc/loadavg', 'latin1'))?.[1]);
  for (let tries = 0; tries < 300 && running() < count; tries++) await sleep(100);
  return { threads: running() };
}

/** Memory that was used and is free again: its pages are not zeros. */
function freed(): object {
  const size = roundTo(meminfo('MemFree') * 0.3, hugePage);
  for (let left = size; left > 0; left -= largestMapping) {
    const mapping = memory.map(Math.min(left, largestMapping));
    contents.fill(mapping.bytes);
    memory.unmap(mapping);
  }
  return { bytes: size };
}

/** Returns what has to be done now and then, to keep it so. */
async function load(): Promise<() => void> {
  const usable = meminfo('MemAvailable') - reserve.bytes - reserve.share * meminfo('MemTotal');
  const bytes = (of: keyof typeof share): number => roundTo(share[of] * usable, hugePage);
  // What is dirty stays dirty.
  for (const knob of ['dirty_writeback_centisecs', 'dirty_expire_centisecs']) {
    setKernel(`/proc/sys/vm/${knob}`, knob === 'dirty_expire_centisecs' ? 1_000_000 : 0);
  }
  setKernel('/proc/sys/vm/dirty_background_ratio', 60);
  setKernel('/proc/sys/vm/dirty_ratio', 80);
  const scratch = '/run/scratch';
  await part('scratch disk', () => mountScratch(scratch, roundTo(share.plain * usable * 0.6, MiB)));
  await part('hugetlb', () => hugetlb(bytes('hugetlb')));
  await part('transparent huge pages', () => {
    anonymous(bytes('transparentHuge'), Advice.hugepage);
    return { anonymousHuge: meminfo('AnonHugePages') };
  });
  await part('small huge pages', () => smallHuge(bytes('smallHuge')));
  let plain: Mapping[] = [];
  await part('plain pages', () => {
    plain = anonymous(bytes('plain'), Advice.nohugepage);
    return { bytes: bytes('plain') };
  });
  await part('swap', () => swap(plain));
  await part('merged pages', merged);
  await part('failing memory', softOffline);
  await part('page tables', pageTables);
  await part('tmpfs', () => {
    mkdirSync('/run/plain');
    run('mount', '-t', 'tmpfs', 'tmpfs', '/run/plain');
    writeFile('/run/plain/data', bytes('tmpfs'), false);
    mkdirSync('/run/huge');
    run('mount', '-t', 'tmpfs', '-o', 'huge=always', 'tmpfs', '/run/huge');
    writeFile('/run/huge/data', bytes('hugeTmpfs'), false);
    return { shared: meminfo('Shmem'), huge: meminfo('ShmemHugePages') };
  });
  await part('files', () => files(scratch, bytes('files')));
  await part('small blocks', () => smallBlocks(scratch, bytes('smallBlocks')));
  const count = Math.min(60_000, Math.max(20_000, Math.floor((filesPerGiB * usable) / 2 ** 30)));
  await part('names', () => names(join(scratch, 'names'), count));
  await part('processes', () => processes(tasks));
  await part('freed memory', freed);
  await part('dirty files', () => dirty(scratch, bytes('dirty')));
  return () => keepDirty(scratch, bytes('dirty'));
}

const [readyFile] = process.argv.slice(2);
if (readyFile === undefined) throw new Error('heavy-load.mjs READY-FILE');
const keep = await load();
writeFileSync(readyFile, '');
// Stays, with all that it holds.
setInterval(keep, 250);
