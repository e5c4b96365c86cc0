/** The guest's own tools and knobs, for the load of the lab. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const busybox = '/bin/busybox';

/** Runs one of busybox's programs; throws with its last words when it fails. */
export function run(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(busybox, [program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? (stderr.trim() || `status ${status}`)}`);
}

/** Sets a value below /proc/sys or /sys. */
export function setKernel(file: string, value: string | number): void {
  writeFileSync(file, `${value}\n`);
}

/** Mounts the machine's scratch disk, an ext4 file system, and swaps to a file on it. */
export function mountScratch(folder: string, swapBytes: number): object {
  mkdirSync(folder);
  run('mount', '-t', 'ext4', '/dev/vdb', folder);
  const swapFile = join(folder, 'swap');
  run('fallocate', '-l', `${swapBytes}`, swapFile);
  run('mkswap', swapFile);
  run('swapon', swapFile);
  return { swapBytes, disk: readdirSync('/sys/block').join(' ') };
}
