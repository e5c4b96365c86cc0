/**
 * The guests of the lab: which kernels we promise to read dumps of, and a dump of each, from a machine at work.
 *
 * A dump is made once and kept in the cache (dumps/KEY/), under a key that says what is in it: kernel release, memory, and a hash of
 * the load and of what ran beside it in the guest. Our own filter is no part of it: what is compared is the raw /proc/vmcore.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VmcoreError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { dumpNames } from '../../src/tools/kdumpctl/save.ts';
import { type DebianKernel, debianKernel } from '../../src/tools/rehearse/debian.ts';
import { rehearse } from '../../src/tools/rehearse/rehearse.ts';
import { crashArm64Guest } from './arm64.ts';

/** Debian's kernel of a suite, by its release line and architecture. */
export const guestKernels = {
  '6.1-x86_64': { suite: 'bookworm', flavour: 'amd64', arch: 'x86_64' },
  '6.12-x86_64': { suite: 'trixie', flavour: 'amd64', arch: 'x86_64' },
  '7.2-x86_64': { suite: 'forky', flavour: 'amd64', arch: 'x86_64' },
  '6.12-arm64': { suite: 'trixie', flavour: 'arm64', arch: 'arm64' },
  '7.2-arm64': { suite: 'forky', flavour: 'arm64', arch: 'arm64' },
} as const;
export type GuestKernelName = keyof typeof guestKernels;

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
  const { suite, flavour, arch } = guestKernels[spec.kernel];
  const kernel = await debianKernel({ suite, flavour, progress });
  const folder = join(cacheDir('dumps'), keyOf(kernel, spec));
  if (!existsSync(folder)) {
    const making = mkdtempSync(join(cacheDir('dumps'), '.making-'));
    try {
      if (arch === 'arm64')
        await crashArm64Guest(
          { kernel, memory: spec.memory, workload: heavyLoad, timeout, folder: making },
          progress,
          abort,
        );
      else await crashX86Guest(kernel, spec.memory, making, progress, abort);
      renameSync(making, folder);
    } catch (error) {
      throw keepingLog(error, making);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
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

async function crashX86Guest(
  kernel: DebianKernel,
  memory: number,
  folder: string,
  progress: Progress,
  abort: AbortSignal,
): Promise<void> {
  const report = await rehearse(
    {
      arch: 'x86_64',
      load: 'file',
      kernel: { image: kernel.vmlinuz, modules: kernel.modules },
      memory,
      crashkernel: '256M',
      cpus: 2,
      dumpLevel: 31,
      keep: { folder, raw: true },
      workload: heavyLoad,
      timeout,
      node: process.execPath,
      entry: fileURLToPath(new URL('../../src/cli/capture.ts', import.meta.url)),
    },
    progress,
    abort,
  );
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 1)}\n`, { mode: 0o600 });
}

/** `6.1-x86_64`, or E_USAGE with the names there are. */
export function parseGuestKernel(text: string | undefined): GuestKernelName {
  const names = Object.keys(guestKernels) as GuestKernelName[];
  const name = names.find((candidate) => candidate === text);
  if (name === undefined) {
    throw new VmcoreError('E_USAGE', `${text ?? '(nothing)'} is not a kernel of the lab`, {
      hint: `name one of ${names.join(', ')}`,
    });
  }
  return name;
}
