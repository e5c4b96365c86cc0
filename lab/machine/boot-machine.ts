/** Boots the Debian machine in QEMU, has steps done in it, and returns what they and the console said. It may end in any way: a panic among them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../../src/base/progress.ts';
import { requireProgram } from '../../src/sys/programs.ts';
import { type LoggedEvent, parseJournalLine } from '../../src/tools/kdumpctl/journal.ts';
import { machines } from '../../src/tools/rehearse/machines.ts';
import { type GuestEnd, runGuest } from '../../src/tools/rehearse/qemu.ts';
import { captureLog } from '../../src/tools/rehearse/timeline.ts';
import { buildMachine, projectInMachine } from './machine-files.ts';
import { parseStepLine, type Step, type StepResult } from './step.ts';

export interface MachineBoot {
  /** A folder of the caller's, who removes it. */
  readonly folder: string;
  readonly steps: readonly Step[];
  /** More files of the machine: where there, to what is in them. */
  readonly files?: ReadonlyMap<string, string>;
  /** Those of them that are programs. */
  readonly executables?: readonly string[];
  /** Commands that are run in a chroot of the machine before it boots. */
  readonly prepare?: readonly (readonly string[])[];
  /** The value of crashkernel=; none is reserved when undefined. */
  readonly crashkernel?: string;
  /** Seconds. */
  readonly timeout: number;
}

export interface BootedMachine {
  readonly end: GuestEnd;
  readonly seconds: number;
  readonly console: string;
  readonly steps: ReadonlyMap<string, StepResult>;
  /** The journal of the capture kernel, if it came to one. */
  readonly events: readonly LoggedEvent[];
  /** The machine's disk, as it was left. */
  readonly disk: string;
  /** Release of its kernel. */
  readonly release: string;
}

const stepsFile = '/etc/steps.json';
const memory = 1536 * 2 ** 20;

const stepsUnit = `[Unit]
Description=The steps of a test
After=multi-user.target kdump.service

[Service]
Type=oneshot
Environment=XDG_CACHE_HOME=/var/cache NODE_COMPILE_CACHE=/var/cache/vmcore/compiled
ExecStart=${projectInMachine}/node_modules/.bin/node --disable-warning=ExperimentalWarning ${projectInMachine}/lab/machine/run-steps.ts ${stepsFile}
ExecStopPost=/bin/systemctl --no-block poweroff

[Install]
WantedBy=multi-user.target
`;

export async function bootMachine(request: MachineBoot, progress: Progress): Promise<BootedMachine> {
  const files = new Map([
    ...(request.files ?? []),
    [stepsFile, JSON.stringify(request.steps)],
    ['/etc/systemd/system/steps.service', stepsUnit],
    // A unit's WantedBy= is a link to it; a file that says where it is does as well.
    ['/etc/systemd/system/multi-user.target.d/steps.conf', '[Unit]\nWants=steps.service\n'],
  ]);
  const machine = machines.x86_64;
  const qemu = requireProgram(machine.qemu);
  const built = await buildMachine(
    { folder: request.folder, files, executables: request.executables ?? [], prepare: request.prepare ?? [] },
    progress,
  );
  progress.step('booting the Debian machine');
  const serialLog = join(request.folder, 'serial.log');
  const steps = new Map<string, StepResult>();
  const run = await runGuest(
    {
      qemu,
      accelerator: await machine.accelerator(qemu),
      kernel: built.kernel,
      initrd: built.initrd,
      commandLine: [
        `console=${machine.console}`,
        ...(request.crashkernel === undefined ? [] : [`crashkernel=${request.crashkernel}`]),
        ...['panic=-1', 'printk.devkmsg=on', 'quiet', 'root=/dev/vda', 'rw'],
        // Memory that can be taken away again.
        'movablecore=512M',
        ...['systemd.show_status=0', 'systemd.log_target=null'],
      ].join(' '),
      disks: [{ file: built.disk, bus: 'virtio', access: 'read-write' }],
      memory,
      cpus: 2,
      serialLog,
    },
    { total: request.timeout, silence: 300, abort: new AbortController().signal },
    (line) => {
      const result = parseStepLine(line);
      if (result !== undefined) {
        steps.set(result.name, result);
        progress.note(`${result.name}: ${result.status}, ${result.seconds.toFixed(1)} s`);
      }
      return undefined;
    },
  );
  const console = readFileSync(serialLog, 'latin1');
  return {
    end: run.end,
    seconds: run.seconds,
    console,
    steps,
    events: captureLog(console)
      .split('\n')
      .flatMap((line) => parseJournalLine(line) ?? []),
    disk: built.disk,
    release: built.release,
  };
}
