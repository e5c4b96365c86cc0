/** Opening a dump named on the command line, with every codec this platform has. */
import { type Command, Option } from 'commander';
import { nativeCodecs } from '../codecs/native.ts';
import type { Dump, OpenOptions } from '../formats/dump.ts';
import { openDump } from '../formats/open.ts';
import { openFile } from '../sys/file-source.ts';

export interface DumpOptions {
  readonly cutShort?: true;
}

/** Adds the options that every command has that opens a dump. */
export const addDumpOptions = (command: Command): Command =>
  command.addOption(new Option('--cut-short', 'read what is there of a file that was cut short'));

export function openDumpFile(path: string, options: DumpOptions): Dump {
  const cutShort: OpenOptions['cutShort'] = options.cutShort === true ? 'accept' : 'refuse';
  return openDump(openFile(path), { codecs: nativeCodecs(), cutShort });
}
