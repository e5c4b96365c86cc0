/**
 * Puts the service in place: its systemd units, the udev rule and, where there is none, a kdump.conf; and takes them away again. What was not
 * installed by us is never overwritten or removed: files/ has what is installed, and each of those files says so in its first line.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { findProgram, lastLine, runProgram } from '../../../sys/programs.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { Log } from './log.ts';

export interface Installation {
  /** `/` but for an image of a machine that is not running. */
  readonly root: string;
  /** bin/vmcore, as the machine will see it. */
  readonly program: string;
}

/** Where each of the files goes. */
const installed = {
  'kdump.service': '/etc/systemd/system/kdump.service',
  'kdump-reload.service': '/etc/systemd/system/kdump-reload.service',
  '98-kdump.rules': '/etc/udev/rules.d/98-kdump.rules',
} as const;
const configuration = '/etc/kdump.conf';
const dumpFolder = '/var/crash';
/** What `systemctl enable` makes of WantedBy=, also where no systemd runs. */
const wanted = '/etc/systemd/system/multi-user.target.wants/kdump.service';
const mark = '# Installed by "vmcore kdumpctl install"';

/** Other services that load a crash kernel: two of them would undo each other's work. */
const rivals = [
  '/etc/init.d/kdump-tools',
  '/lib/systemd/system/kdump-tools.service',
  '/usr/lib/systemd/system/kdump.service',
];

/** What was made, by path. E_EXISTS for a file of somebody else's. */
export async function install(request: Installation, log: Log): Promise<readonly string[]> {
  const { root, program } = request;
  const made: string[] = [];
  const at = (path: string): string => join(root, path);
  for (const [name, path] of Object.entries(installed)) refuseForeign(at(path), name);
  for (const rival of rivals) {
    if (existsSync(at(rival))) {
      log.warn(
        `${at(rival)} loads a crash kernel too: systemctl disable --now kdump-tools, or remove its package`,
      );
    }
  }
  for (const [name, path] of Object.entries(installed)) {
    put(at(path), templated(name, program));
    made.push(path);
  }
  if (!existsSync(at(configuration))) {
    put(at(configuration), templated('kdump.conf', program));
    makeFolder(at(dumpFolder));
    made.push(configuration);
  }
  makeFolder(dirname(at(wanted)));
  if (lstatSync(at(wanted), { throwIfNoEntry: false }) === undefined) {
    symlinkSync(installed['kdump.service'], at(wanted));
    made.push(wanted);
  }
  if (root === '/') await tellTheSystem(log);
  return made;
}

/** What was removed, by path. kdump.conf stays: somebody may have written it. */
export async function uninstall({ root }: Pick<Installation, 'root'>, log: Log): Promise<readonly string[]> {
  const at = (path: string): string => join(root, path);
  for (const [name, path] of Object.entries(installed)) refuseForeign(at(path), name);
  const present = [...Object.values(installed), wanted].filter(
    (path) => lstatSync(at(path), { throwIfNoEntry: false }) !== undefined,
  );
  for (const path of present) {
    try {
      rmSync(at(path));
    } catch (cause) {
      throw asVmcoreError(cause, 'cannot remove', { file: at(path) });
    }
  }
  if (root === '/' && present.length > 0) await tellTheSystem(log);
  return present;
}

function templated(name: string, program: string): string {
  const text = readFileSync(new URL(`./files/${name}`, import.meta.url), 'utf8');
  return text.replaceAll('@PROGRAM@', program).replaceAll('@ROOT@', dirname(dirname(program)));
}

function refuseForeign(path: string, name: string): void {
  if (!existsSync(path) || readFileSync(path, 'utf8').startsWith(mark)) return;
  throw new VmcoreError('E_EXISTS', `is there already, and "vmcore kdumpctl install" did not make it`, {
    file: path,
    hint: `move it away; ours is ${name}`,
  });
}

function put(path: string, text: string): void {
  makeFolder(dirname(path));
  try {
    writeFileSync(path, text, { mode: 0o644 });
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write', { file: path });
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot make the folder', { file: path });
  }
}

/** systemd and udev read their files again. Where they do not run, there is nobody to tell. */
async function tellTheSystem(log: Log): Promise<void> {
  const commands: readonly (readonly [program: string, args: readonly string[]])[] = [
    ['systemctl', ['daemon-reload']],
    ['udevadm', ['control', '--reload']],
  ];
  for (const [name, args] of commands) {
    const program = findProgram(name);
    if (program === undefined) continue;
    const { status, stderr } = await runProgram(program, args, { timeout: 60_000 });
    if (status !== 0) log.warn(`${name} ${args.join(' ')}: ${lastLine(stderr) || `status ${status}`}`);
  }
}
