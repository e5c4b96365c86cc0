/** Preloaded into a process of ours (--import): writes the most memory it ever had, bytes, to the file VMCORE_TEST_PEAK at its exit. */
import { readFileSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.VMCORE_TEST_PEAK;
if (isMainThread && file !== undefined) {
  process.on('exit', () => {
    const kibibytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    writeFileSync(file, `${Number(kibibytes) * 1024}`);
  });
}
