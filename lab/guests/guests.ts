/**
 * The guests of the lab: a dump of each kernel that we promise to read, from a machine at work.
 *
 * A dump is made once and kept in the cache (dumps/KEY/), under a key that says what is in it: kernel release, memory, and a hash of
 * the load and of what ran beside it in the guest. Our own filter is no part of it: what is compared is the raw /proc/vmcore.
 */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VmcoreError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { madeOnce } from '../../src/sys/made-once.ts';
import { dumpNames } from '../../src/tools/kdumpctl/save/names.ts';
import { type DebianKernel, debianKernel } from '../../src/tools/rehearse/debian.ts';
import { rehearse } from '../../src/tools/rehearse/rehearse.ts';
import { type GuestKernelName, guestKernels } from './kernels.ts';
import { labPlan } from './plan.ts';

export interface GuestSpec {
  readonly kernel: GuestKernelName;
  /** Bytes. */
  readonly memory: number;
}

export interface GuestDump {
  readonly release: string;
  /** /proc/vmcore as it was: a raw ELF file. */
  readonly raw: string;
  /** The console of the whole run. */
  readonly serialLog: string;
}

/** The load of every guest here. */
export const heavyLoad = fileURLToPath(new URL('./heavy-load.ts', import.meta.url));

/** Seconds for a run. 4 GiB take four minutes on two emulated processors. */
const timeout = 1800;

/** The dump of such a guest: from the cache, else made now. E_NEEDS for missing programs, E_REHEARSAL when the run fails. */
export async function guestDump(spec: GuestSpec, progress: Progress, abort: AbortSignal): Promise<GuestDump> {
  const { suite, flavour } = guestKernels[spec.kernel];
  const kernel = await debianKernel({ suite, flavour, progress });
  const folder = await madeOnce(join(cacheDir('dumps'), keyOf(kernel, spec)), async (making) => {
    try {
      await crashGuest(spec, making, progress, abort);
    } catch (error) {
      throw keepingLog(error, making);
    }
    return making;
  });
  return {
    release: kernel.release,
    raw: join(folder, dumpNames.raw),
    serialLog: join(folder, 'serial.log'),
  };
}

/** The log that the error names goes with the folder: a copy of it outlives it, until the next failure. */
function keepingLog(error: unknown, making: string): unknown {
  const log = join(making, 'serial.log');
  if (!(error instanceof VmcoreError) || error.code !== 'E_REHEARSAL' || !existsSync(log)) return error;
  const kept = join(cacheDir('dumps'), 'failed-serial.log');
  copyFileSync(log, kept);
  chmodSync(kept, 0o600);
  const { message, hint } = error;
  return new VmcoreError('E_REHEARSAL', message, {
    ...(hint === undefined ? {} : { hint: hint.replace(log, kept) }),
    cause: error,
  });
}

/** What decides what is in a guest's memory, beside its kernel. How the crash kernel is armed does not. */
const loadFiles = [
  'heavy-load.ts',
  'load/contents.ts',
  'load/machine.ts',
  'load/memory.ts',
  '../../src/tools/rehearse/first-common.sh',
];

function keyOf({ release }: DebianKernel, { memory }: GuestSpec): string {
  const hash = createHash('sha256');
  for (const file of loadFiles) {
    hash.update(readFileSync(join(import.meta.dirname, file)));
  }
  return `${release}-${memory / 2 ** 20}M-${hash.digest('hex').slice(0, 12)}`;
}

async function crashGuest(
  { kernel, memory }: GuestSpec,
  folder: string,
  progress: Progress,
  abort: AbortSignal,
): Promise<void> {
  const keep = { folder, raw: true };
  const plan = await labPlan(kernel, { memory, keep, workload: heavyLoad, timeout }, progress);
  const report = await rehearse(plan, progress, abort);
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 1)}\n`, { mode: 0o600 });
}
