/**
 * Programs of the administrator in the capture image: hooks, those of /etc/kdump/pre.d and post.d, and extra_bins. Each is found there at the path
 * that it has on the running system; ELF programs come with their libraries, scripts as they are.
 *
 * The interpreter of a script is looked for now, because a hook that cannot start is found out too late in the capture kernel. /bin/sh is busybox'; a
 * bash that a script names is taken along; any other interpreter needs files that nobody can know of, and has to be in extra_bins.
 */
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { namesIn } from '../../../sys/names-in.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { KdumpConf } from '../conf/kdump-conf.ts';
import { hookFolders } from '../save/hooks.ts';
import type { CpioEntry } from './cpio.ts';
import { isElfFile } from './elf-runtime.ts';
import type { LiveSystem } from './machine/live-system.ts';
import { applets } from './ramdisk.ts';

export interface ExtraPrograms {
  /** For the squashfs: name in bin/ to file. */
  readonly elf: ReadonlyMap<string, string>;
  /** Scripts, and links to the programs in the squashfs. */
  readonly entries: readonly CpioEntry[];
  readonly warnings: readonly string[];
}

/** E_FILE for a program that is not there, E_UNSUPPORTED for a script whose interpreter the image would not have. */
export function extraPrograms(
  machine: LiveSystem,
  { hooks, extraBins }: Pick<KdumpConf, 'hooks' | 'extraBins'>,
): ExtraPrograms {
  const collected = new Collected(machine, extraBins);
  for (const path of extraBins) collected.add(path);
  for (const path of [hooks.before, hooks.after, hooks.emergency])
    if (path !== undefined) collected.add(path);
  for (const folder of Object.values(hookFolders)) {
    for (const name of namesIn(join(machine.root, folder)).sort()) {
      const path = posix.join(folder, name);
      if (canExecute(join(machine.root, path))) collected.add(path);
      else collected.warnings.push(`${path} is not run: it is not executable`);
    }
  }
  return collected;
}

function canExecute(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** What the image has anyway. */
const shells: readonly string[] = ['/bin/sh', '/usr/bin/sh'];

class Collected implements ExtraPrograms {
  readonly elf = new Map<string, string>();
  readonly warnings: string[] = [];
  private readonly byPath = new Map<string, CpioEntry>();
  private readonly machine: LiveSystem;
  private readonly extraBins: readonly string[];

  constructor(machine: LiveSystem, extraBins: readonly string[]) {
    this.machine = machine;
    this.extraBins = extraBins;
  }

  get entries(): readonly CpioEntry[] {
    return [...this.byPath.values()];
  }

  /** `path` as the configuration has it; below the image's root it is the same. */
  add(path: string): void {
    const place = path.slice(1);
    if (this.byPath.has(place)) return;
    const file = join(this.machine.root, path);
    if (posix.dirname(path) === '/bin' && applets.includes(posix.basename(path))) {
      this.warnings.push(`${path} in the capture image is busybox', which its own scripts use`);
      return;
    }
    refuseHidden(path);
    const isElf = elfOrThrow(file, path);
    if (isElf) this.addElf(path, realpathSync(file));
    else this.addScript(path, file);
  }

  private addElf(path: string, file: string): void {
    const name = this.nameFor(file);
    this.elf.set(name, file);
    this.link(path, `/vmcore/bin/${name}`);
    this.linkInPath(path, `/vmcore/bin/${name}`);
  }

  /** Scripts call it without its path; what busybox has there stays. */
  private linkInPath(path: string, target: string): void {
    if (!applets.includes(basename(path))) this.link(posix.join('/bin', basename(path)), target);
  }

  private link(path: string, target: string): void {
    const place = path.slice(1);
    if (!this.byPath.has(place)) this.byPath.set(place, { kind: 'symlink', path: place, target });
  }

  /** Two programs of one name get different ones. */
  private nameFor(file: string): string {
    const taken = (name: string): boolean => name === 'node' || (this.elf.get(name) ?? file) !== file;
    let name = basename(file);
    for (let more = 2; taken(name); more++) name = `${basename(file)}-${more}`;
    return name;
  }

  private addScript(path: string, file: string): void {
    const data = readOrThrow(file, path);
    this.byPath.set(path.slice(1), { kind: 'file', path: path.slice(1), mode: 0o755, data });
    if (this.extraBins.includes(path)) this.linkInPath(path, path);
    const interpreter = interpreterOf(data);
    if (interpreter === undefined || shells.includes(interpreter) || this.extraBins.includes(interpreter))
      return;
    const byEnv = /^\S*\/env\s+(?:-S\s+)?(\S+)/.exec(interpreter)?.[1];
    const called = byEnv ?? interpreter;
    if (byEnv !== undefined) this.link('/usr/bin/env', '/bin/busybox');
    if (byEnv === 'sh' || this.extraBins.some((bin) => basename(bin) === byEnv)) return;
    if (basename(called) === 'bash') {
      this.add(byEnv === undefined ? called : '/bin/bash');
      return;
    }
    throw new VmcoreError('E_UNSUPPORTED', `is run by ${called}, which the capture image does not have`, {
      file: path,
      hint: `write it for sh or bash, or name ${called} in "extra_bins", and what it needs`,
    });
  }
}

/** The capture kernel has something of its own at these places. E_UNSUPPORTED. */
export function refuseHidden(path: string): void {
  if (!/^\/(dev|lib|lib64|modules|proc|sys|tmp|vmcore)\//.test(path)) return;
  throw new VmcoreError('E_UNSUPPORTED', 'is in a folder that is another one in the capture image', {
    file: path,
    hint: 'put it elsewhere, into /usr/local/bin or /root for example',
  });
}

function elfOrThrow(file: string, path: string): boolean {
  try {
    if (!statSync(file).isFile()) {
      throw new VmcoreError('E_FILE', 'is not a file', { file: path, hint: 'name the program itself' });
    }
    return isElfFile(file);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot put it into the capture image', {
      file: path,
      hint: 'correct its path in kdump.conf, or make it',
    });
  }
}

function readOrThrow(file: string, path: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file: path });
  }
}

/** What is behind `#!`: the path, and for env(1) its arguments too; undefined without such a line. */
function interpreterOf(data: Uint8Array): string | undefined {
  const [first = ''] = Buffer.from(data.subarray(0, 256)).toString('latin1').split('\n');
  const line = /^#!\s*(.*?)\s*$/.exec(first)?.[1];
  if (line === undefined || line === '') return undefined;
  return /^\S*\/env\s/.test(line) ? line : line.split(/\s/)[0];
}
