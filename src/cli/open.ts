/** Opening a dump named on the command line, with every codec this platform has. */
import { type Command, Option } from 'commander';
import { nativeCodecs } from '../codecs/native.ts';
import type { Dump, OpenOptions } from '../formats/dump.ts';
import { openDumpFiles } from '../formats/open.ts';
import { type CrashedKernel, openCrashedKernel } from '../kernel/crashed-kernel.ts';
import { Kernel } from '../kernel/kernel.ts';
import { withFoundVmcoreinfo } from '../kernel/vmcoreinfo-scan.ts';
import { givenFiles } from '../library/given-files.ts';
import { openSource } from '../sys/open-source.ts';
import { openExplained } from '../tools/kdumpctl/missing-vmcore.ts';

export interface DumpOptions {
  readonly cutShort?: true;
  readonly vmlinux?: string;
  readonly debugModules?: string;
}

/** Adds the options that every command has that opens a dump. */
export const addDumpOptions = (command: Command): Command =>
  command
    .addOption(new Option('--cut-short', 'read what is there of a file that was cut short'))
    .addOption(
      new Option(
        '--vmlinux <file>',
        'the kernel with its symbols and debug information, for what the dump does not tell',
      ),
    )
    .addOption(
      new Option('--debug-modules <dir>', 'the same of modules: NAME.ko or NAME.ko.debug below DIR'),
    );

/** One file, or all files of a split dump. */
export function openDumpFile(paths: string | readonly string[], options: DumpOptions): Dump {
  const cutShort: OpenOptions['cutShort'] = options.cutShort === true ? 'accept' : 'refuse';
  const files = typeof paths === 'string' ? [paths] : paths;
  return openDumpFiles(
    files.map((path) => openExplained(path, openSource)),
    { codecs: nativeCodecs(), cutShort },
  );
}

/** The same, with what reads memory by its virtual address; searched for a vmcoreinfo when it has no note of it. E_NO_INFO when there is none. */
export function openKernelFile(paths: readonly string[], options: DumpOptions): Kernel {
  const dump = openDumpFile(paths, options);
  return new Kernel(dump.vmcoreinfo === undefined ? (withFoundVmcoreinfo(dump) ?? dump) : dump);
}

/** The same with symbols and types: what views are made of. */
export const openCrashedFile = (paths: readonly string[], options: DumpOptions): CrashedKernel =>
  crashedKernelOf(openDumpFile(paths, options), options);

/** Symbols and types of a dump that is open. */
export const crashedKernelOf = (dump: Dump, options: DumpOptions): CrashedKernel =>
  openCrashedKernel(dump, givenFiles(options));
