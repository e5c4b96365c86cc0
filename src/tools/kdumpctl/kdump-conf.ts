/**
 * kdump.conf, as far as the capture environment needs it: where the dump goes, how it is made, what happens then.
 *
 * Source of truth: kdump.conf(5) of kdump-utils. Lines are `key value`; # begins a comment.
 */
import { VmcoreError } from '../../base/errors.ts';
import type { CodecName } from '../../codecs/page-codec.ts';
import { parseMakedumpfileLine } from '../makedumpfile/options.ts';

export interface KdumpConf {
  /** The file system the dump is written to. */
  readonly target: { readonly fileSystem: string; readonly device: string };
  /** Folder on the target under which each dump gets a folder of its own. */
  readonly path: string;
  readonly collector: CoreCollector;
}

export interface CoreCollector {
  readonly level: number;
  /** Undefined: pages are stored as they are. */
  readonly codec: CodecName | undefined;
}

export const defaultPath = '/var/crash';
export const defaultCollector: CoreCollector = { level: 31, codec: 'zstd' };

const fileSystems = ['ext2', 'ext3', 'ext4'];
/** Keys that others act on: the capture image's own script, and the builder. */
const keysOfOthers = ['final_action', 'failure_action', 'extra_modules', 'extra_bins'];

/** E_USAGE with FILE:LINE for what cannot be understood. */
export function parseKdumpConf(text: string, file: string): KdumpConf {
  let target: KdumpConf['target'] | undefined;
  let path = defaultPath;
  let collector = defaultCollector;
  text.split('\n').forEach((line, index) => {
    const content = line.replace(/(^|\s)#.*$/, '').trim();
    if (content === '') return;
    const wrong = (what: string, hint: string): VmcoreError =>
      new VmcoreError('E_USAGE', what, { file: `${file}:${index + 1}`, hint });
    const [, key = '', value = ''] = /^(\S+)\s*(.*)$/.exec(content) ?? [];
    if (keysOfOthers.includes(key)) return;
    if (value === '') throw wrong(`"${key}" has no value`, `write "${key} VALUE"`);
    if (fileSystems.includes(key)) {
      if (target !== undefined) throw wrong('a second target', 'keep one');
      target = { fileSystem: key, device: value };
    } else if (key === 'path') path = value;
    else if (key === 'core_collector') {
      const parsed = parseCollector(value);
      if (typeof parsed === 'string') throw wrong(parsed, 'write "core_collector makedumpfile -z -d 31"');
      collector = parsed;
    } else throw wrong(`unknown key "${key}"`, 'remove the line');
  });
  if (target === undefined) {
    throw new VmcoreError('E_USAGE', 'names no target', { file, hint: 'add a line such as "ext4 /dev/vda"' });
  }
  return { target, path, collector };
}

/** The collector, or what is wrong with it. Its options are those of makedumpfile's own command line. */
function parseCollector(value: string): CoreCollector | string {
  const [program, ...words] = value.split(/\s+/);
  if (program !== 'makedumpfile') return `core_collector "${program}" is not makedumpfile`;
  try {
    const { action } = parseMakedumpfileLine(['/proc/vmcore', 'vmcore', ...words]);
    const isPlainFile = action.kind === 'create' && action.destination.kind === 'file';
    if (!isPlainFile || action.format.kind !== 'kdump')
      return 'core_collector does not write one compressed file';
    return { level: action.levels[0] ?? 0, codec: action.format.codec };
  } catch (error) {
    if (error instanceof VmcoreError) return `core_collector: ${error.message}`;
    throw error;
  }
}
