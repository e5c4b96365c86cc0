/**
 * One run of one guest in QEMU: its serial console line by line, a log of it, and an end that always comes.
 *
 * The guest cannot restart: a reboot ends the run. All times are the host's, seconds since the guest was started.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { VmcoreError } from '../../base/errors.ts';
import { asVmcoreError } from '../../sys/system-error.ts';
import type { Accelerator } from './accelerator.ts';
import { diskArguments, type GuestDisk, type GuestNetwork, inOption, networkArguments } from './devices.ts';

export interface Guest {
  readonly qemu: string;
  readonly accelerator: Accelerator;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  /** A file; QEMU's own when undefined: a BIOS, or none. */
  readonly firmware?: string;
  readonly disks: readonly GuestDisk[];
  /** None when undefined. */
  readonly network?: GuestNetwork;
  /** Bytes. */
  readonly memory: number;
  /** A file that becomes the machine's RAM, and keeps it when the machine is gone. It holds secrets: who names it makes it 0600. */
  readonly memoryFile?: string;
  readonly cpus: number;
  /** Its model, as -cpu of qemu(1) has it, in place of the accelerator's. */
  readonly processor?: string;
  /** A Unix socket where QEMU takes orders (QMP); none when undefined. */
  readonly monitor?: string;
  /** The console goes there, byte for byte (0600: kernels print secrets). */
  readonly serialLog: string;
}

export interface GuestLimits {
  /** Seconds for the whole run. */
  readonly total: number;
  /** Seconds without a byte on the console. */
  readonly silence: number;
  readonly abort: AbortSignal;
}

export type GuestEnd = 'powered-off' | 'stopped' | 'timeout' | 'silent' | 'aborted';

export interface GuestRun {
  readonly end: GuestEnd;
  readonly seconds: number;
  readonly exitStatus: number;
  /** What QEMU itself said. */
  readonly complaints: string;
}

/**
 * Called for every line of the console; returning 'stop' ends the guest. `processorSeconds`: what QEMU has used of the processors until then, for who
 * measures on a machine that does other things as well.
 */
export type OnLine = (line: string, seconds: number, processorSeconds: number) => 'stop' | undefined;

/**
 * Milliseconds between looks at the console's file. It is a file and not a pipe because QEMU throws away what a pipe does not take at once: node's pipes
 * are sockets, QEMU writes byte by byte, and some 300 such writes fill one while this process is busy with something else.
 */
const consoleInterval = 10;

/** Runs the guest until it powers off, restarts, is stopped or runs into a limit. E_NEEDS when QEMU does not start. */
export function runGuest(guest: Guest, limits: GuestLimits, onLine: OnLine): Promise<GuestRun> {
  const log = openLog(guest.serialLog);
  return new Promise<GuestRun>((resolve, reject) => {
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    const child = spawn(guest.qemu, qemuArguments(guest), { stdio: ['ignore', 'ignore', 'pipe'] });
    let end: GuestEnd = 'powered-off';
    let complaints = '';
    let partial = '';
    const buffer = Buffer.alloc(65536);

    const stop = (why: GuestEnd): void => {
      if (end === 'powered-off') end = why;
      child.kill('SIGKILL');
    };
    const total = setTimeout(() => stop('timeout'), limits.total * 1000);
    const silence = setTimeout(() => stop('silent'), limits.silence * 1000);
    const onAbort = (): void => stop('aborted');
    limits.abort.addEventListener('abort', onAbort);
    if (limits.abort.aborted) onAbort();

    const readConsole = (): void => {
      // What fills the buffer may not be all; a guest that never stops printing is read again at the next look.
      for (let length = buffer.length; length === buffer.length; ) {
        length = readSync(log, buffer);
        if (length === 0) return;
        silence.refresh();
        const lines = (partial + buffer.toString('latin1', 0, length)).split('\n');
        partial = lines.pop() ?? '';
        const processor = lines.length === 0 ? 0 : processorSecondsOf(child.pid);
        for (const line of lines) {
          if (onLine(line.trimEnd(), seconds(), processor) === 'stop') stop('stopped');
        }
      }
    };
    const reader = setInterval(readConsole, consoleInterval);
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      complaints += text;
    });
    const settle = (): void => {
      clearInterval(reader);
      clearTimeout(total);
      clearTimeout(silence);
      limits.abort.removeEventListener('abort', onAbort);
      closeSync(log);
    };
    child.on('error', (cause) => {
      settle();
      reject(
        new VmcoreError('E_NEEDS', `cannot be started: ${cause.message}`, {
          file: guest.qemu,
          hint: "install Debian's qemu-system-x86 or qemu-system-arm",
          cause,
        }),
      );
    });
    child.on('close', (status) => {
      readConsole();
      settle();
      resolve({ end, seconds: seconds(), exitStatus: status ?? 1, complaints: complaints.trim() });
    });
  });
}

const memoryInFile = (path: string, megabytes: number): string[] => [
  ...['-object', `memory-backend-file,id=ram,size=${megabytes}M,mem-path=${inOption(path)},share=on`],
  ...['-machine', 'memory-backend=ram'],
];

/** User and system time, of proc_pid_stat(5): counted in ticks of 10 ms. 0 for a process that is gone. */
function processorSecondsOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

function qemuArguments(guest: Guest): string[] {
  const megabytes = Math.floor(guest.memory / 2 ** 20);
  return [
    ...guest.accelerator.args,
    ...(guest.processor === undefined ? [] : ['-cpu', guest.processor]),
    ...['-smp', String(guest.cpus), '-m', String(megabytes)],
    ...(guest.memoryFile === undefined ? [] : memoryInFile(guest.memoryFile, megabytes)),
    ...(guest.firmware === undefined ? [] : ['-bios', guest.firmware]),
    ...['-display', 'none', '-monitor', 'none', '-no-reboot'],
    ...['-chardev', `file,id=console,path=${inOption(guest.serialLog)}`, '-serial', 'chardev:console'],
    ...(guest.monitor === undefined ? [] : ['-qmp', `unix:${inOption(guest.monitor)},server=on,wait=off`]),
    ...['-kernel', guest.kernel, '-initrd', guest.initrd, '-append', guest.commandLine],
    ...networkArguments(guest.network),
    ...diskArguments(guest.disks),
  ];
}

/** Made before QEMU opens it: its own files are everybody's to read. */
function openLog(path: string): number {
  try {
    return openSync(path, 'w+', 0o600);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write', { file: path });
  }
}
