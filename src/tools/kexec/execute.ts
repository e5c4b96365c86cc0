/**
 * Rebooting into the loaded kernel (`kexec -e`): the machine is brought to rest as far as can be, then reboot(2) jumps.
 *
 * Where systemd runs, it is asked (`systemctl kexec`): it knows the services, the mounts and their order. Elsewhere, as in a
 * capture environment or a small guest, the steps are ours: end the processes, write out and unmount, take the network
 * down. With --force only what cannot hang is done.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmcoreError } from '../../base/errors.ts';
import { type Errno, rebootIntoLoaded, syncFileSystems } from '../../sys/kexec.ts';
import { findProgram, runChecked } from '../../sys/programs.ts';
import { isLoaded } from './status.ts';

export interface Execution {
  /** Shut the machine down first, or at once. */
  readonly shutdown: 'clean' | 'none';
  /** Write out what is in the page cache. */
  readonly sync: boolean;
  /** Take network interfaces down: a device that goes on writing into memory would write into the next kernel's. */
  readonly networkDown: boolean;
}

/** What is done to the machine; a test puts something harmless in its place. */
export interface Machine {
  readonly isLoaded: () => boolean;
  /** The path of systemctl when systemd is in charge. */
  readonly systemctl: () => string | undefined;
  readonly askSystemd: (systemctl: string) => Promise<void>;
  readonly endProcesses: () => Promise<void>;
  readonly sync: () => void;
  readonly unmount: () => Promise<void>;
  readonly networkDown: () => void;
  /** Does not return when all is well. */
  readonly reboot: () => Errno | undefined;
}

/** Seconds that processes have to end after SIGTERM. */
const grace = 5;

export const thisMachine: Machine = {
  isLoaded: () => isLoaded('reboot'),
  systemctl: () => (existsSync('/run/systemd/system') ? findProgram('systemctl') : undefined),
  askSystemd: async (systemctl) => void (await runChecked(systemctl, ['kexec'])),
  endProcesses,
  sync: syncFileSystems,
  unmount,
  networkDown: () => takeNetworkDown('/sys/class/net'),
  reboot: rebootIntoLoaded,
};

/** Reboots into the loaded kernel. Returns only where systemd does it; E_NEEDS when no kernel is loaded, E_SYSCALL. */
export async function executeLoaded(execution: Execution, machine: Machine = thisMachine): Promise<void> {
  if (!machine.isLoaded()) {
    throw new VmcoreError('E_NEEDS', 'no kernel is loaded to reboot into', {
      file: '/sys/kernel/kexec_loaded',
      hint: 'load one with kexec -l KERNEL',
    });
  }
  if (execution.shutdown === 'clean') {
    const systemctl = machine.systemctl();
    if (systemctl !== undefined) return machine.askSystemd(systemctl);
    await machine.endProcesses();
  }
  if (execution.sync) machine.sync();
  if (execution.shutdown === 'clean') await machine.unmount();
  if (execution.networkDown) machine.networkDown();
  const errno = machine.reboot();
  throw new VmcoreError(
    'E_SYSCALL',
    `the kernel did not reboot into the loaded one (${errno?.name ?? 'no error given'})`,
    { hint: errno?.name === 'EPERM' ? 'run as root' : 'look at the kernel log' },
  );
}

/** SIGTERM to all but ourselves and init, then SIGKILL to what is left: kill(2) with -1 spares these two. */
async function endProcesses(): Promise<void> {
  // The shell or session we were started from goes too.
  process.on('SIGHUP', () => {});
  const before = userProcesses('/proc');
  signalAll('SIGTERM');
  for (
    let waited = 0;
    waited < grace * 10 && userProcesses('/proc').some((pid) => before.includes(pid));
    waited++
  ) {
    await sleep(100);
  }
  signalAll('SIGKILL');
}

function signalAll(signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-1, signal);
  } catch {
    // Nobody else is there.
  }
}

/** Processes other than init and this one; kernel threads and zombies have no command line. */
export function userProcesses(proc: string): number[] {
  const pids = readdirSync(proc).filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => pid !== 1 && pid !== process.pid && hasCommandLine(proc, pid));
}

function hasCommandLine(proc: string, pid: number): boolean {
  try {
    return readFileSync(`${proc}/${pid}/cmdline`).length > 0;
  } catch {
    // Gone since.
    return false;
  }
}

/** Unmounts what can be, and makes the rest read-only: by sysrq u, which needs no program and waits for nobody. */
async function unmount(): Promise<void> {
  const umount = findProgram('umount');
  if (umount !== undefined) {
    // What is busy, such as the root, stays: that is what the next step is for.
    await runChecked(umount, ['-a', '-r'], { timeout: 30_000 }).catch(() => {});
  }
  try {
    writeFileSync('/proc/sysrq-trigger', 'u');
    // It is done by a work queue (drivers/tty/sysrq.c, emergency_remount in fs/super.c, Linux 6.1).
    await sleep(200);
  } catch {
    // A kernel without CONFIG_MAGIC_SYSRQ: everything is written out, which is what matters most.
  }
}

/** IFF_UP of include/uapi/linux/if.h. */
const interfaceUp = 1;

/** `flags` of an interface below /sys/class/net can be written (net/core/net-sysfs.c). */
export function takeNetworkDown(folder: string): void {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const file = `${folder}/${name}/flags`;
    try {
      const flags = Number(readFileSync(file, 'latin1').trim());
      if (flags & interfaceUp) writeFileSync(file, `0x${(flags & ~interfaceUp).toString(16)}`);
    } catch {
      // An interface that went away, or cannot be taken down: the reboot does not depend on it.
    }
  }
}
