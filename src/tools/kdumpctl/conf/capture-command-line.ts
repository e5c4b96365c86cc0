/**
 * The capture kernel's command line, made from the running one's and what the sysconfig file says.
 *
 * Source of truth: prepare_cmdline() of kdump-lib.sh (kdump-utils 63f248c).
 */
import { splitWords } from '../../kexec/command-line.ts';
import type { Sysconfig } from './sysconfig.ts';

/** What the command line depends on besides the file. */
export interface CaptureMachine {
  /** /proc/cmdline. */
  readonly commandLine: string;
  /** APIC id of the processor that booted (x86_64); a panic on another one must not start it a second time. */
  readonly bootApicId: number | undefined;
  /** Modules that drive the watchdogs. */
  readonly watchdogs: readonly string[];
}

/**
 * Never carried over: a second reservation, another panic, and all that would make the capture kernel bring up the file systems of the machine
 * that crashed. The target is brought up by the capture image, which knows it. Nor what would keep the image from being unpacked, its /init from
 * being run and its modules from being loaded (Documentation/admin-guide/kernel-parameters.txt, Linux 6.1).
 */
const alwaysRemoved = [
  'crashkernel',
  'panic_on_warn',
  'noinitrd',
  'rdinit',
  'nomodule',
  'root',
  'rd.lvm.lv',
  'rd.luks.uuid',
  'rd.dm.uuid',
  'rd.md.uuid',
  'fcoe',
  'netroot',
  'rd.iscsi.initiator',
  'iscsi_initiator',
];

export function captureCommandLine(
  { commandLine: { base, remove, append } }: Pick<Sysconfig, 'commandLine'>,
  machine: CaptureMachine,
): string {
  const removed = new Set([...alwaysRemoved, ...remove]);
  const kept = ownWords(base ?? machine.commandLine).filter(
    (word) => !removed.has(nameOf(word)) && !/^[^=]+=$/.test(word),
  );
  return [...kept, ...splitWords(append), ...alwaysAdded(machine)].join(' ');
}

/** The kernel's own words: those behind `--` are for the init of the machine that crashed, and what is added would be among them. */
function ownWords(commandLine: string): string[] {
  const words = splitWords(commandLine);
  const end = words.indexOf('--');
  return end < 0 ? words : words.slice(0, end);
}

/** The quotes may be around the value or around all of it (next_arg() in lib/cmdline.c, Linux 6.1). */
const nameOf = (word: string): string => word.replace(/^"/, '').replace(/[="].*$/s, '');

function alwaysAdded({ bootApicId, watchdogs }: CaptureMachine): string[] {
  return [
    ...(bootApicId === undefined ? [] : [`disable_cpu_apicid=${bootApicId}`]),
    // A watchdog that first panics the kernel would only take time from the save.
    ...watchdogs.flatMap((driver) => [
      `${driver}.pretimeout=0`,
      ...(driver === 'hpwdt' ? ['hpwdt.kdumptimeout=0'] : []),
    ]),
    // Which disk is needed is known: nothing has to look for one.
    'rd.systemd.gpt_auto=no',
  ];
}

/** The APIC id of processor 0 in /proc/cpuinfo; undefined where there is none. */
export function bootApicIdOf(cpuinfo: string): number | undefined {
  const first = cpuinfo.split(/\n\s*\n/).find((processor) => /^processor\s*:\s*0$/m.test(processor));
  const id = first === undefined ? undefined : /^apicid\s*:\s*(\d+)$/m.exec(first)?.[1];
  return id === undefined ? undefined : Number(id);
}
