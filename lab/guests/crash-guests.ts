/**
 * Guests that went down in other ways than by sysrq, most of them in crash-module/: the dump of each with what the machine said of itself
 * before (load/witness.ts), and what its kernel printed, which is in the dump's log.
 *
 * Made once and kept in the cache (dumps/RELEASE-WAY-HASH/); the hash is of what runs in the guest. Our own filter is no part of it: the
 * capture kernel copies /proc/vmcore, and here it is filtered and compressed.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VmcoreError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { madeOnce } from '../../src/sys/made-once.ts';
import { runChecked } from '../../src/sys/programs.ts';
import { dumpNames } from '../../src/tools/kdumpctl/save/names.ts';
import { debianKernel } from '../../src/tools/rehearse/debian.ts';
import { type DiskEntry, listFolder, takeFile } from '../../src/tools/rehearse/disk.ts';
import { findDump } from '../../src/tools/rehearse/take-dump.ts';
import { panicAndSave } from '../boots/panic-and-save.ts';
import { orderQemu } from '../boots/qemu-monitor.ts';
import { crashModule } from './crash-module.ts';
import { type GuestKernelName, guestKernels } from './kernels.ts';
import type { Witness } from './load/witness.ts';

/** How a guest goes down, by who does it. */
export const crashWays = [
  /** No module: as every other guest. */
  'sysrq',
  /** A null pointer is written to by a function of the module, which another of its functions called. */
  'oops',
  /** Recursion in the module, into the guard page. */
  'stack-overflow',
  /** CPU 0 spins in the module with interrupts off, until an NMI is injected from outside, which panics it. */
  'nmi',
  /** CPU 1 spins in the module with interrupts off, while CPU 0 oopses. */
  'hung-cpu',
  /** panic() in a timer, which interrupted the module. */
  'softirq',
  /** An oops in an interrupt (irq_work), which interrupted the module. */
  'hardirq',
  /** BUG() in a kworker. */
  'kworker',
] as const;
export type CrashWay = (typeof crashWays)[number];

export interface CrashGuestSpec {
  readonly kernel: GuestKernelName;
  readonly way: CrashWay;
  /** `all`: the processors have everything that QEMU can emulate. */
  readonly processors?: 'usual' | 'all';
}

export interface CrashGuest {
  readonly release: string;
  /** Kdump-compressed, zstd: all of the memory but zeros when it went down by `oops`, else level 31. */
  readonly dump: string;
  /** What the save wrote of the kernel's log. */
  readonly log: string;
  /** The console of the whole run. */
  readonly serialLog: string;
  /** The module that was loaded, with its symbols. */
  readonly module: string;
  readonly witness: Witness;
}

const workload = fileURLToPath(new URL('./crash-load.ts', import.meta.url));
const program = fileURLToPath(new URL('../../bin/vmcore', import.meta.url));
const names = {
  dump: 'vmcore',
  log: dumpNames.log,
  serialLog: 'serial.log',
  module: 'crash_module.ko',
  witness: 'witness.json',
};

/** Page tables of five levels on x86_64; on arm64 pointer authentication, in a form that costs little, and addresses of 52 bits. */
const allOf = { x86_64: 'max,la57=on', arm64: 'max,pauth-impdef=on' };
/** Bytes. The kernels of arm64 are larger. */
const memory = { x86_64: 576 * 2 ** 20, arm64: 704 * 2 ** 20 };
const crashkernel = { x86_64: '208M', arm64: '256M' };
/** Seconds. */
const timeout = 600;

/** What decides what is in such a guest's memory, beside its kernel. */
const loadFiles = [
  'crash-load.ts',
  'crash-module/crash_module.c',
  'crash-module/Makefile',
  'load/machine.ts',
  'load/sleepers.ts',
  'load/witness.ts',
];

/** That guest: from the cache, else made now. E_NEEDS for missing programs, E_REHEARSAL when no dump came of it. */
export async function crashGuest(spec: CrashGuestSpec, progress: Progress): Promise<CrashGuest> {
  const { suite, flavour } = guestKernels[spec.kernel];
  const { release } = await debianKernel({ suite, flavour, progress });
  const hash = createHash('sha256');
  for (const file of loadFiles) hash.update(readFileSync(join(import.meta.dirname, file)));
  const kind = spec.processors === 'all' ? `${spec.way}-all` : spec.way;
  const key = `${release}-${kind}-${hash.digest('hex').slice(0, 12)}`;
  const folder = await madeOnce(join(cacheDir('dumps'), key), async (making) => {
    await make(spec, release, making, progress);
    return making;
  });
  const pathOf = (name: keyof typeof names): string => join(folder, names[name]);
  return {
    release,
    dump: pathOf('dump'),
    log: pathOf('log'),
    serialLog: pathOf('serialLog'),
    module: pathOf('module'),
    witness: JSON.parse(readFileSync(pathOf('witness'), 'utf8')) as Witness,
  };
}

async function make(
  { kernel, way, processors }: CrashGuestSpec,
  release: string,
  folder: string,
  progress: Progress,
): Promise<void> {
  const module = await crashModule(kernel, release, progress);
  const { arch } = guestKernels[kernel];
  const work = mkdtempSync(join(cacheDir('boots'), 'run-'));
  const monitor = join(work, 'monitor');
  const orders: Promise<void>[] = [];
  try {
    progress.step(`crashing ${release}: ${way}`);
    const run = await panicAndSave(
      {
        folder: work,
        kernel,
        kdumpConf: [
          'ext4 /dev/vda',
          'path /var/crash',
          'core_collector cp',
          'final_action poweroff',
          '',
        ].join('\n'),
        workload,
        diskFiles: new Map([[names.module, module]]),
        memory: memory[arch],
        crashkernel: crashkernel[arch],
        parameters: [`vmcore.crash=${way}`, 'log_buf_len=4M', 'no_timer_check'],
        captureParameters: ['no_timer_check'],
        monitor,
        ...(processors === 'all' ? { processor: allOf[arch] } : {}),
        onLine: (line) => {
          if (way === 'nmi' && line.includes('crash_module: CPU 0 spins'))
            orders.push(orderQemu(monitor, 'inject-nmi'));
          return undefined;
        },
        timeout,
      },
      progress,
    );
    await Promise.all(orders);
    if (run.end !== 'powered-off' || !run.events.some(({ name }) => name === 'dump-saved')) {
      const kept = join(cacheDir('dumps'), 'failed-serial.log');
      writeFileSync(kept, run.console, { encoding: 'latin1', mode: 0o600 });
      throw new VmcoreError('E_REHEARSAL', `no dump of a guest that went down by ${way} (${run.end})`, {
        hint: `read the serial log ${kept}`,
      });
    }
    writeFileSync(join(folder, names.serialLog), run.console, { encoding: 'latin1', mode: 0o600 });
    copyFileSync(module, join(folder, names.module));
    const { folder: saved, entries } = await findDump(run.disk);
    const raw = join(work, 'raw');
    await take(run.disk, saved, entries, dumpNames.dump, raw);
    await take(run.disk, saved, entries, dumpNames.log, join(folder, names.log));
    const scratch = run.scratchDisk ?? '';
    await take(scratch, '', await listFolder(scratch, '/'), names.witness, join(folder, names.witness));
    const level = way === 'oops' ? '1' : '31';
    await runChecked(program, ['makedumpfile', '-q', '-z', '-d', level, raw, join(folder, names.dump)], {
      timeout: 300_000,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function take(
  disk: string,
  folder: string,
  entries: readonly DiskEntry[],
  name: string,
  output: string,
): Promise<void> {
  const size = entries.find((entry) => entry.name === name)?.size;
  if (size === undefined) {
    throw new VmcoreError('E_REHEARSAL', `no ${name} on the guest's disk in ${folder}`, { file: disk });
  }
  await takeFile(disk, `${folder}/${name}`, size, output);
}
