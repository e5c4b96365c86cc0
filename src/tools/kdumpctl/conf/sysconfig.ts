/**
 * /etc/sysconfig/kdump: how the capture kernel is loaded.
 *
 * Source of truth: kdumpctl, kdump-lib.sh and gen-kdump-sysconfig.sh (kdump-utils 63f248c). The original lets a shell read the file; here it
 * is read as what the shell would assign.
 */
import { suggestion } from './did-you-mean.ts';
import { plainWords } from './directives.ts';
import { type Problem, Problems } from './problem.ts';
import { type Assignment, readAssignments } from './shell-assignments.ts';

/** 0 nothing, 1 errors, 2 warnings, 3 what is done, 4 details. */
export type LogLevel = 0 | 1 | 2 | 3 | 4;

export interface Sysconfig {
  /** Undefined: the running kernel's. */
  readonly kernelVersion: string | undefined;
  readonly commandLine: {
    /** Undefined: the running kernel's. */
    readonly base: string | undefined;
    /** Names of parameters to leave out, besides those that always are. */
    readonly remove: readonly string[];
    readonly append: string;
  };
  readonly kexecArgs: readonly string[];
  /** Undefined: /boot and the other places where kernels are. */
  readonly bootFolder: string | undefined;
  /** The image is `NAME-VERSIONEXTENSION`. */
  readonly image: { readonly name: string; readonly extension: string };
  /** Whether a person is to be told of a new dump. */
  readonly notify: boolean;
  readonly logLevels: { readonly stderr: LogLevel; readonly syslog: LogLevel; readonly kernelLog: LogLevel };
}

export interface ParsedSysconfig {
  /** Where the file is wrong, the default. */
  readonly sysconfig: Sysconfig;
  readonly problems: readonly Problem[];
}

const names = [
  'KDUMP_KERNELVER',
  'KDUMP_COMMANDLINE',
  'KDUMP_COMMANDLINE_REMOVE',
  'KDUMP_COMMANDLINE_APPEND',
  'FADUMP_COMMANDLINE_APPEND',
  'KEXEC_ARGS',
  'KDUMP_BOOTDIR',
  'KDUMP_IMG',
  'KDUMP_IMG_EXT',
  'VMCORE_CREATION_NOTIFICATION',
  'KDUMP_STDLOGLVL',
  'KDUMP_SYSLOGLVL',
  'KDUMP_KMSGLOGLVL',
] as const;
type Name = (typeof names)[number];

/** What each architecture's file says as it is installed; for the others the file must say it. */
const installed: Readonly<Record<string, { readonly remove: string; readonly append: string }>> = {
  x86_64: {
    remove: 'hugepages hugepagesz slub_debug quiet log_buf_len swiotlb hugetlb_cma ignition.firstboot cma',
    append:
      'novmcoredd hugetlb_cma=0 kfence.sample_interval=0 initramfs_options=size=90% irqpoll nr_cpus=1 reset_devices ' +
      'cgroup_disable=memory mce=off numa=off udev.children-max=2 panic=10 acpi_no_memhotplug transparent_hugepage=never ' +
      'nokaslr hest_disable cma=0 pcie_ports=compat',
  },
  aarch64: {
    remove: 'hugepages hugepagesz slub_debug quiet log_buf_len swiotlb hugetlb_cma ignition.firstboot cma',
    append:
      'novmcoredd hugetlb_cma=0 kfence.sample_interval=0 initramfs_options=size=90% irqpoll nr_cpus=1 reset_devices ' +
      'cgroup_disable=memory udev.children-max=2 panic=10 swiotlb=noforce cma=0',
  },
};

/**
 * What counts when there is no file: what it says as it is installed. `arch` as uname(1) has it. Only its KEXEC_ARGS ("-s") is not taken: Debian's
 * arm64 kernels do not have that call, and without the option it is what is tried first.
 */
export function defaultSysconfig(arch: string): Sysconfig {
  const text = Object.hasOwn(installed, arch) ? installed[arch] : undefined;
  const lines =
    text === undefined
      ? ''
      : `KDUMP_COMMANDLINE_REMOVE="${text.remove}"\nKDUMP_COMMANDLINE_APPEND="${text.append}"\n`;
  return parseSysconfig(`${lines}VMCORE_CREATION_NOTIFICATION="yes"\n`, 'the defaults').sysconfig;
}

/** Never throws. What the file does not assign is what kdumpctl takes for it. */
export function parseSysconfig(text: string, file: string): ParsedSysconfig {
  const problems = new Problems(file);
  const values = new Map<Name, Assignment>();
  for (const assignment of readAssignments(text, problems)) {
    const name = names.find((known) => known === assignment.name);
    if (name !== undefined) values.set(name, assignment);
    else if (assignment.after !== undefined) {
      problems.error(
        assignment.line,
        `"${assignment.name}=${assignment.value}" is not in the value of ${assignment.after}`,
        `put all of the value in quotes: ${assignment.after}="…"`,
      );
    } else {
      const hint = suggestion(assignment.name, names, 'remove the line');
      problems.warn(assignment.line, `${assignment.name} has no effect`, hint);
    }
  }
  const textOf = (name: Name): string => values.get(name)?.value.trim() ?? '';
  const orUndefined = (name: Name): string | undefined => textOf(name) || undefined;
  const level = (name: Name, otherwise: LogLevel): LogLevel =>
    logLevel(values.get(name), otherwise, problems);
  warnOfFadump(values.get('FADUMP_COMMANDLINE_APPEND'), problems);
  const sysconfig: Sysconfig = {
    kernelVersion: orUndefined('KDUMP_KERNELVER'),
    commandLine: {
      base: commandLine(values.get('KDUMP_COMMANDLINE'), problems) || undefined,
      remove: plainWords(
        values.get('KDUMP_COMMANDLINE_REMOVE')?.value ?? 'hugepages hugepagesz slub_debug',
      ).map((word) => word.replace(/=.*$/s, '')),
      append: appended(values.get('KDUMP_COMMANDLINE_APPEND'), problems),
    },
    kexecArgs: plainWords(textOf('KEXEC_ARGS')),
    bootFolder: fullPath(values.get('KDUMP_BOOTDIR'), problems),
    image: { name: orUndefined('KDUMP_IMG') ?? 'vmlinuz', extension: textOf('KDUMP_IMG_EXT') },
    notify: textOf('VMCORE_CREATION_NOTIFICATION').toLowerCase() === 'yes',
    logLevels: {
      stderr: level('KDUMP_STDLOGLVL', 3),
      syslog: level('KDUMP_SYSLOGLVL', 0),
      kernelLog: level('KDUMP_KMSGLOGLVL', 0),
    },
  };
  return { sysconfig, problems: problems.all };
}

/** COMMAND_LINE_SIZE of x86 and arm64 is 2048 (arch/…/include/uapi/asm/setup.h), the final 0 included. */
const maxCommandLine = 2047;

function commandLine(assignment: Assignment | undefined, problems: Problems): string {
  const text = assignment?.value.replace(/\s+/g, ' ').trim() ?? '';
  if (assignment === undefined) return text;
  const { name, line } = assignment;
  if ((text.match(/"/g)?.length ?? 0) % 2 === 1) {
    problems.error(line, `${name} has a double quote that is not closed`, 'close it, or leave it out');
    return '';
  }
  if (Buffer.byteLength(text) > maxCommandLine) {
    problems.error(line, `${name} is longer than a kernel takes`, `write ${maxCommandLine} bytes or fewer`);
    return '';
  }
  return text;
}

function appended(assignment: Assignment | undefined, problems: Problems): string {
  const text = commandLine(assignment, problems);
  if (/(^|\s)crashkernel=/.test(text)) {
    problems.warn(
      assignment?.line,
      'crashkernel= in the capture kernel takes memory from the little that it has',
      'leave it out of KDUMP_COMMANDLINE_APPEND',
    );
  }
  return text;
}

function fullPath(assignment: Assignment | undefined, problems: Problems): string | undefined {
  const path = assignment?.value.trim();
  if (assignment === undefined || !path) return undefined;
  if (path.startsWith('/')) return path;
  problems.error(assignment.line, `${assignment.name} "${path}" is not a full path`, 'write "/boot"');
  return undefined;
}

function logLevel(assignment: Assignment | undefined, otherwise: LogLevel, problems: Problems): LogLevel {
  const text = assignment?.value.trim();
  if (assignment === undefined || !text) return otherwise;
  const level = ([0, 1, 2, 3, 4] as const).find((known) => String(known) === text);
  if (level !== undefined) return level;
  problems.error(
    assignment.line,
    `"${text}" is not a value of ${assignment.name}`,
    'write 0 (nothing), 1 (errors), 2 (warnings), 3 (what is done) or 4 (details)',
  );
  return otherwise;
}

function warnOfFadump(assignment: Assignment | undefined, problems: Problems): void {
  if (assignment === undefined || assignment.value.trim() === '') return;
  problems.warn(
    assignment.line,
    'FADUMP_COMMANDLINE_APPEND has no effect: firmware-assisted dumps are POWER only',
    'write it into KDUMP_COMMANDLINE_APPEND if it is meant for the capture kernel',
  );
}
