/** What a user gives beside a dump, for what it does not tell: the kernel with its symbols and debug information, and its modules. For Node. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { unpackWhole } from '../codecs/native-inflate.ts';
import { type ElfSections, openElfSections } from '../formats/elf-sections.ts';
import type { GivenFiles } from '../kernel/crashed-kernel.ts';
import { openFile } from '../sys/file-source.ts';
import { asVmcoreError } from '../sys/system-error.ts';

/** Paths, as the options of commands have them. */
export interface GivenPaths {
  /** The kernel's vmlinux. */
  readonly vmlinux?: string | undefined;
  /** A folder with modules: NAME.ko or NAME.ko.debug anywhere below. */
  readonly debugModules?: string | undefined;
}

/** E_FILE when the vmlinux cannot be opened; modules are looked for when they are needed. */
export const givenFiles = ({ vmlinux, debugModules }: GivenPaths): GivenFiles => ({
  vmlinux: vmlinux === undefined ? undefined : openElfSections(openFile(vmlinux), unpackWhole),
  debugModule: debugModules === undefined ? undefined : debugModulesIn(debugModules),
});

/** NAME.ko (Debian's -dbg packages) or NAME.ko.debug (kernel-debuginfo) anywhere below `folder`. E_FILE when that cannot be listed. */
function debugModulesIn(folder: string): (module: string) => ElfSections | undefined {
  let paths: ReadonlyMap<string, string> | undefined;
  return (module) => {
    paths ??= modulePaths(folder);
    const path = paths.get(canonical(module));
    return path === undefined ? undefined : openElfSections(openFile(path), unpackWhole);
  };
}

function modulePaths(folder: string): Map<string, string> {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return new Map(
      names.flatMap((path) => {
        const name = /([^/]+)\.ko(?:\.debug)?$/.exec(path)?.[1];
        return name === undefined ? [] : [[canonical(name), join(folder, path)] as const];
      }),
    );
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot list modules', { file: folder });
  }
}

/** Files have "-" where modules have "_". */
const canonical = (name: string): string => name.replaceAll('-', '_');
