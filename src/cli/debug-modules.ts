/** --debug-modules DIR: kernel modules with debug information, by the names of modules. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { unpackWhole } from '../codecs/native-inflate.ts';
import { type ElfSections, openElfSections } from '../formats/elf-sections.ts';
import { openFile } from '../sys/file-source.ts';
import { asVmcoreError } from '../sys/system-error.ts';

/** NAME.ko (Debian's -dbg packages) or NAME.ko.debug (kernel-debuginfo) anywhere below `folder`. E_FILE when that cannot be listed. */
export function debugModulesIn(folder: string): (module: string) => ElfSections | undefined {
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
