/**
 * core_collector: how the vmcore becomes what is kept.
 *
 * Source of truth: kdump.conf(5), verify_core_collector() of mkdumprd and get_kdump_confs() of kdump.sh (kdump-utils 63f248c). The
 * original runs the command; here makedumpfile and the plain copies are built in, and what they cannot do is refused in words.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { getopt } from '../../../base/getopt.ts';
import { optionNames } from '../../makedumpfile/option-names.ts';
import {
  type CreateAction,
  type MakedumpfileLine,
  parseMakedumpfileLine,
} from '../../makedumpfile/options.ts';
import { plainWords } from './directives.ts';
import type { Target, Wrong } from './target.ts';

/** makedumpfile's options, as far as a capture has a use for them. Threads, messages and -f are the save flow's own to decide. */
export interface MakedumpfileCollector
  extends Pick<CreateAction, 'levels' | 'format' | 'sizeLimit' | 'tuning' | 'excludeVmemmap'>,
    Pick<MakedumpfileLine, 'access'> {
  readonly kind: 'makedumpfile';
  /** "flattened": -F, what a raw or ssh target takes. */
  readonly output: 'file' | 'flattened';
}

/** The vmcore as it is, every page of it. */
export interface CopyCollector {
  readonly kind: 'copy';
}

export type Collector = MakedumpfileCollector | CopyCollector;

type TargetKind = Target['kind'];
/** Targets that take one stream of bytes. */
const takesStream = (kind: TargetKind): boolean => kind === 'raw' || kind === 'ssh';

/** What is used when kdump.conf has no core_collector: all that can be left out is, and zstd, which is fastest for its size. */
export const defaultCollector = (target: TargetKind): MakedumpfileCollector => ({
  kind: 'makedumpfile',
  output: takesStream(target) ? 'flattened' : 'file',
  levels: [31],
  format: { kind: 'kdump', codec: 'zstd' },
  sizeLimit: undefined,
  tuning: { threads: undefined, bitmapBytes: undefined, splitBlock: undefined },
  excludeVmemmap: false,
  access: 'map',
});

/** `value` is not empty. */
export function parseCollector(value: string, target: TargetKind): Collector | Wrong {
  const [command = '', ...words] = plainWords(value);
  const program = command.slice(command.lastIndexOf('/') + 1);
  if (program === 'makedumpfile') return parseMakedumpfile(words, target);
  return parseCopy(program, words, target);
}

const example = (target: TargetKind): string =>
  `write "core_collector makedumpfile ${takesStream(target) ? '-F ' : ''}-z -d 31"`;

/** Which targets each of the copying programs can be used for, and which one to write for the others. */
const copies: Readonly<Record<string, readonly TargetKind[]>> = {
  cp: ['path', 'filesystem', 'nfs', 'virtiofs'],
  cat: ['raw', 'ssh'],
  scp: ['ssh'],
};
/** Options that say how it is copied, which makes no difference to what is there afterwards. */
const copyOptions: readonly string[] = ['--sparse=always', '--sparse=auto', '-q', '-v', '-f'];

function parseCopy(program: string, words: readonly string[], target: TargetKind): Collector | Wrong {
  const targets = Object.hasOwn(copies, program) ? copies[program] : undefined;
  if (targets === undefined) {
    return {
      what: `core_collector "${program}" is not makedumpfile, cp, cat or scp`,
      hint: `no other program is run; ${example(target)}`,
    };
  }
  if (!targets.includes(target)) {
    const other = takesStream(target) ? 'cat' : 'cp';
    return {
      what: `core_collector ${program} does not write to ${describe(target)}`,
      hint: `write "core_collector ${other}", or better: ${example(target).slice('write '.length)}`,
    };
  }
  const unknown = words.find((word) => !copyOptions.includes(word));
  if (unknown === undefined) return { kind: 'copy' };
  return { what: `core_collector ${program}: "${unknown}" has no effect here`, hint: 'leave it out' };
}

function describe(target: TargetKind): string {
  if (target === 'raw') return 'a raw device';
  return target === 'ssh' ? 'an ssh server' : 'a file system';
}

/** Modes of makedumpfile that write something else, or nothing. */
const otherModes: readonly string[] = ['R', 'g', 'reassemble', 'dump-dmesg', 'mem-usage', 'h', 'help', 'v'];

function parseMakedumpfile(words: readonly string[], target: TargetKind): Collector | Wrong {
  let line: MakedumpfileLine;
  try {
    const { options, operands } = getopt(words, optionNames);
    const has = (name: string): boolean => options.some((option) => option.name === name);
    if (otherModes.some(has)) return noDump(target);
    if (has('split'))
      return { what: 'core_collector: --split has one file to write to', hint: 'leave it out' };
    const [operand] = operands;
    if (operand !== undefined) {
      return {
        what: `core_collector: "${operand}" is no option`,
        hint: 'leave it out: which files are read and written is known',
      };
    }
    line = parseMakedumpfileLine([...words, '/proc/vmcore', ...(has('F') ? [] : ['vmcore'])]);
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    const { message, hint } = error;
    const isGeneral = hint === undefined || hint === 'see --help';
    return { what: `core_collector: ${message}`, hint: isGeneral ? 'see makedumpfile --help' : hint };
  }
  const { action } = line;
  if (action.kind !== 'create') return noDump(target);
  const refused = refusal(line, action);
  if (refused !== undefined) return refused;
  const output = action.destination.kind === 'flattened' ? 'flattened' : 'file';
  if (takesStream(target) !== (output === 'flattened')) return wrongOutput(target);
  const { levels, format, sizeLimit, tuning, excludeVmemmap } = action;
  const { access } = line;
  return { kind: 'makedumpfile', output, levels, format, sizeLimit, tuning, excludeVmemmap, access };
}

const noDump = (target: TargetKind): Wrong => ({
  what: 'core_collector: makedumpfile would write no dump',
  hint: example(target),
});

const wrongOutput = (target: TargetKind): Wrong =>
  takesStream(target)
    ? { what: `makedumpfile needs -F for ${describe(target)}`, hint: example(target) }
    : { what: '-F is for raw and ssh: a file system gets a dump that can be opened', hint: 'leave out -F' };

/** Options that makedumpfile has, and that a capture cannot honour. */
function refusal(line: MakedumpfileLine, action: CreateAction): Wrong | undefined {
  const refuse = (option: string, why: string, hint = 'leave it out'): Wrong => ({
    what: `core_collector: ${option} ${why}`,
    hint,
  });
  if (line.checkOnly) return refuse('--check-params', 'writes no dump');
  if (line.json) return refuse('--json', 'has nobody to read it in the capture kernel');
  const { destination, kernel, filters } = action;
  if (destination.kind === 'nowhere') return refuse('--dry-run', 'writes no dump');
  if (action.vtop !== undefined) return refuse('--vtop', 'has nobody to read it in the capture kernel');
  const inImage = 'names a file, which the capture image does not have';
  if (kernel.kind === 'vmlinux')
    return refuse('-x', inImage, 'leave it out: the vmcore describes its kernel');
  if (kernel.kind === 'vmcoreinfo') {
    return refuse('-i', inImage, 'leave it out: the vmcore describes its kernel');
  }
  const later = 'erase and filter afterwards: vmcore makedumpfile';
  if (filters.eraseConfig !== undefined) return refuse('--config', inImage, later);
  if (filters.modules.length > 0) return refuse('--filter', inImage, later);
  return undefined;
}
