/** Sets crashkernel= for the next boot: by grubby where that is, else in GRUB's defaults as Debian has them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VmcoreError } from '../../../../base/errors.ts';
import { syncDirectoryOf } from '../../../../sys/file-sink.ts';
import { findProgram, runChecked } from '../../../../sys/programs.ts';
import { asVmcoreError } from '../../../../sys/system-error.ts';
import { changeGrubDefaults, type FileChange, type TextFile } from './grub-defaults.ts';
import { entriesOfRelease, parseGrubbyInfo } from './grubby.ts';

export interface ResetRequest {
  /** The value of crashkernel=. */
  readonly value: string;
  /** A kernel's path, ALL or DEFAULT, as grubby takes it; undefined: that of `release`. */
  readonly kernel: string | undefined;
  /** Of the kernel that captures. */
  readonly release: string;
  readonly how: 'change' | 'dry run';
}

export interface ResetChange {
  /** A file, or an entry of the boot loader. */
  readonly where: string;
  readonly from: string | undefined;
  readonly to: string;
}

/** Milliseconds: update-grub looks for other systems on all disks. */
const timeout = 300_000;

/** What was changed; empty when it was so. E_NEEDS without a boot loader that we know, E_UNSUPPORTED for what cannot be changed safely. */
export async function resetCrashkernel(request: ResetRequest): Promise<readonly ResetChange[]> {
  const grubby = findProgram('grubby');
  if (grubby !== undefined) return byGrubby(grubby, request);
  const updateGrub = findProgram('update-grub');
  if (updateGrub !== undefined) return byGrubDefaults(updateGrub, request);
  throw new VmcoreError('E_NEEDS', 'grubby or update-grub: not installed', {
    hint: `add crashkernel=${request.value} to the kernel's command line with your boot loader's own means`,
  });
}

async function byGrubby(grubby: string, request: ResetRequest): Promise<ResetChange[]> {
  const { value, kernel, release, how } = request;
  const { stdout } = await runChecked(grubby, [`--info=${kernel ?? 'ALL'}`], { timeout });
  const all = parseGrubbyInfo(stdout.toString('utf8'));
  const entries = kernel === undefined ? entriesOfRelease(all, release) : all;
  const changes: ResetChange[] = [];
  for (const { index, kernel: path, crashkernel } of entries) {
    if (crashkernel === value) continue;
    if (how === 'change') {
      await runChecked(grubby, [`--update-kernel=${index}`, `--args=crashkernel=${value}`], { timeout });
    }
    changes.push({ where: `${path} (entry ${index})`, from: crashkernel, to: value });
  }
  return changes;
}

async function byGrubDefaults(updateGrub: string, request: ResetRequest): Promise<ResetChange[]> {
  const { value, kernel, how } = request;
  if (kernel !== undefined && kernel !== 'ALL') {
    throw new VmcoreError('E_UNSUPPORTED', 'GRUB has one command line for all kernels here', {
      hint: 'leave out --kernel, or write --kernel ALL',
    });
  }
  const changes = changeGrubDefaults(grubDefaults('/'), value);
  if (how === 'change' && changes.length > 0) {
    await replaceAndRun(changes, () => runChecked(updateGrub, [], { timeout }));
  }
  return changes.map(({ path, before }) => ({ where: path, from: crashkernelIn(before), to: value }));
}

/** Both or nothing: what the boot loader was not told of must not be said to be so. */
async function replaceAndRun(changes: readonly FileChange[], run: () => Promise<unknown>): Promise<void> {
  for (const { path, after } of changes) replaceFile(path, after);
  try {
    await run();
  } catch (error) {
    for (const { path, before } of changes) {
      if (before === undefined) rmSync(path);
      else replaceFile(path, before);
    }
    throw error;
  }
}

const crashkernelIn = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : /^[^#\n]*crashkernel=([^\s"']*)/m.exec(text)?.[1];

/** In the order in which GRUB reads them. */
function grubDefaults(root: string): TextFile[] {
  const folder = join(root, 'etc/default/grub.d');
  const parts = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.cfg')) : [];
  return [join(root, 'etc/default/grub'), ...parts.sort().map((name) => join(folder, name))]
    .filter((path) => existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

/** The old text is there until the new one is whole. */
function replaceFile(path: string, after: string): void {
  const temporary = `${path}.kdump-new`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, after, { mode: 0o644 });
    renameSync(temporary, path);
    syncDirectoryOf(path);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot write', { file: path });
  }
}
