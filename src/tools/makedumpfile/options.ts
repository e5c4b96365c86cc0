/**
 * makedumpfile's command line: what is asked for, checked as far as that is possible without opening a file.
 *
 * Source of truth: makedumpfile(8) and check_param_for_*() of makedumpfile.c (1.7.9).
 */
import { VmcoreError } from '../../base/errors.ts';
import { type GivenOption, getopt } from '../../base/getopt.ts';
import { parseSize } from '../../base/units.ts';
import type { CodecName } from '../../codecs/page-codec.ts';
import { maxDumpLevel, parseDumpLevel } from './dump-level.ts';
import { type OptionName, optionNames, refusedOptions } from './option-names.ts';

/** Bits of --message-level. */
export const Message = { progress: 1, common: 2, error: 4, debug: 8, report: 16 } as const;
const defaultMessages = Message.progress | Message.common | Message.error;
const maxMessages = 31;

/** Where the kernel is described, when not by the vmcore itself. */
export type KernelSource =
  | { readonly kind: 'vmcore' }
  | { readonly kind: 'vmlinux'; readonly path: string }
  | { readonly kind: 'vmcoreinfo'; readonly path: string };

/** How the copy is made; none of it changes the pages that are kept. */
export interface Tuning {
  /** Threads besides the main one; undefined: as many as pay. */
  readonly threads: number | undefined;
  /** Bytes of bitmaps held at a time; undefined: measured. */
  readonly bitmapBytes: number | undefined;
  /** --splitblock-size, bytes. */
  readonly splitBlock: number | undefined;
}

/** What leaves out or erases data beyond the level. */
export interface UserFilters {
  /** --filter, in the order given. */
  readonly modules: readonly string[];
  /** --config. */
  readonly eraseConfig: string | undefined;
}

/** Where the dump goes. */
export type Destination =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'split'; readonly paths: readonly string[] }
  /** -F: flattened, to standard output. */
  | { readonly kind: 'flattened' }
  /** --dry-run. */
  | { readonly kind: 'nowhere' };

export interface CreateAction {
  readonly kind: 'create';
  readonly vmcore: string;
  readonly destination: Destination;
  /** At least one: the next is tried when the dump does not fit. */
  readonly levels: readonly number[];
  readonly format:
    | { readonly kind: 'elf' }
    | { readonly kind: 'kdump'; readonly codec: CodecName | undefined };
  /** Bytes; -L. */
  readonly sizeLimit: number | undefined;
  readonly kernel: KernelSource;
  readonly tuning: Tuning;
  readonly filters: UserFilters;
  /** -e. */
  readonly excludeVmemmap: boolean;
  readonly vtop: bigint | undefined;
}

export type Action =
  | CreateAction
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'rearrange'; readonly output: string }
  | { readonly kind: 'reassemble'; readonly parts: readonly string[]; readonly output: string }
  | { readonly kind: 'generate-vmcoreinfo'; readonly output: string; readonly vmlinux: string }
  | {
      readonly kind: 'dump-dmesg';
      readonly vmcore: string;
      readonly output: string;
      readonly from: 'oldest' | 'last-clear';
      readonly sizeLimit: number | undefined;
      readonly kernel: KernelSource;
    }
  | { readonly kind: 'mem-usage'; readonly memory: string; readonly kernel: KernelSource }
  | {
      readonly kind: 'vtop';
      readonly vmcore: string;
      readonly address: bigint;
      readonly kernel: KernelSource;
    };

export interface MakedumpfileLine {
  readonly action: Action;
  /** --check-params: the line was checked, and that is all. */
  readonly checkOnly: boolean;
  /** Sum of `Message` bits. */
  readonly messages: number;
  readonly ifExists: 'refuse' | 'overwrite';
  /** Ours: the result as JSON on standard output, in place of messages. */
  readonly json: boolean;
  /** Ours: read what is there of a vmcore that was cut short. */
  readonly cutShort: 'refuse' | 'accept';
  /** "read": the vmcore is never mapped (--non-mmap). */
  readonly access: 'map' | 'read';
}

class Given {
  private readonly options: readonly GivenOption[];

  constructor(options: readonly GivenOption[]) {
    this.options = options;
  }

  has(...names: readonly OptionName[]): boolean {
    return names.some((name) => this.options.some((option) => option.name === name));
  }

  all(name: OptionName): string[] {
    return this.options.filter((option) => option.name === name).map(({ value }) => value);
  }

  /** The last one counts. */
  value(name: OptionName): string | undefined {
    return this.all(name).at(-1);
  }

  /** The first of `names` that was given, as it is written. */
  written(...names: readonly OptionName[]): string | undefined {
    const found = names.find((name) => this.has(name));
    return found === undefined ? undefined : dashed(found);
  }

  number(name: OptionName, min: number, max: number): number | undefined {
    const text = this.value(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw usage(`"${text}" is not a value for ${dashed(name)}`, `give it a number from ${min} to ${max}`);
  }
}

const dashed = (name: OptionName): string => (name.length === 1 ? `-${name}` : `--${name}`);
const usage = (what: string, hint = 'see --help'): VmcoreError => new VmcoreError('E_USAGE', what, { hint });

/** E_USAGE or E_UNSUPPORTED, one line that names the option. */
export function parseMakedumpfileLine(args: readonly string[]): MakedumpfileLine {
  const { options, operands } = getopt(args, optionNames);
  const given = new Given(options);
  const action = actionOf(given, operands);
  return {
    action,
    checkOnly: given.has('check-params'),
    messages: messagesOf(given),
    ifExists: given.has('f') ? 'overwrite' : 'refuse',
    json: given.has('json'),
    cutShort: given.has('cut-short') ? 'accept' : 'refuse',
    access: given.has('non-mmap') ? 'read' : 'map',
  };
}

function messagesOf(given: Given): number {
  const level = given.number('message-level', 0, maxMessages) ?? defaultMessages;
  if (given.has('check-params')) return defaultMessages;
  let messages = given.has('q', 'quiet') ? level & ~(Message.progress | Message.common) : level;
  if (given.has('D')) messages |= Message.debug;
  if (given.has('show-stats')) messages |= Message.report;
  return messages;
}

function actionOf(given: Given, operands: readonly string[]): Action {
  if (given.has('h', 'help')) return { kind: 'help' };
  if (given.has('v')) return { kind: 'version' };
  for (const [name, { what, hint }] of Object.entries(refusedOptions) as [
    OptionName,
    { what: string; hint: string },
  ][]) {
    if (given.has(name)) {
      throw new VmcoreError('E_UNSUPPORTED', `${dashed(name)}: ${what} are not supported`, { hint });
    }
  }
  if (given.has('g')) return generateAction(given, operands);
  if (given.has('R')) return rearrangeAction(given, operands);
  if (given.has('reassemble')) return reassembleAction(given, operands);
  conflict(given, ['i'], ['x']);
  if (given.has('dump-dmesg')) return dmesgAction(given, operands);
  if (given.has('partial-dmesg')) throw usage('--partial-dmesg only goes with --dump-dmesg');
  if (given.has('mem-usage')) return memUsageAction(given, operands);
  return createAction(given, operands);
}

/** Options that say how a dump is made, which other modes refuse. */
const dumpOptions = ['c', 'l', 'p', 'z', 'E', 'd', 'F', 'i', 'split'] as const;

function conflict(given: Given, one: readonly OptionName[], other: readonly OptionName[]): void {
  const [a, b] = [given.written(...one), given.written(...other)];
  if (a !== undefined && b !== undefined) throw usage(`option '${a}' cannot be used with option '${b}'`);
}

function expectOperands(operands: readonly string[], names: readonly string[]): void {
  if (operands.length === names.length) return;
  const missing = names[operands.length];
  const what =
    missing === undefined ? `unexpected "${operands[names.length]}"` : `missing argument ${missing}`;
  throw usage(what, `expected: ${names.join(' ') || 'nothing'}; see --help`);
}

function generateAction(given: Given, operands: readonly string[]): Action {
  conflict(given, ['g'], [...dumpOptions, 'R', 'reassemble', 'dry-run']);
  expectOperands(operands, []);
  const vmlinux = given.value('x');
  if (vmlinux === undefined) throw usage('-g needs -x VMLINUX');
  return { kind: 'generate-vmcoreinfo', output: given.value('g')!, vmlinux };
}

function rearrangeAction(given: Given, operands: readonly string[]): Action {
  conflict(given, ['R'], [...dumpOptions, 'x', 'reassemble']);
  expectOperands(operands, ['DUMPFILE']);
  return { kind: 'rearrange', output: operands[0]! };
}

function reassembleAction(given: Given, operands: readonly string[]): Action {
  conflict(given, ['reassemble'], [...dumpOptions, 'x', 'dry-run']);
  if (operands.length < 2) expectOperands(operands, ['DUMPFILE1', 'DUMPFILE']);
  return { kind: 'reassemble', parts: operands.slice(0, -1), output: operands.at(-1)! };
}

function dmesgAction(given: Given, operands: readonly string[]): Action {
  conflict(given, ['dump-dmesg'], ['dry-run', 'split', 'F', 'mem-usage']);
  expectOperands(operands, ['VMCORE', 'LOGFILE']);
  return {
    kind: 'dump-dmesg',
    vmcore: operands[0]!,
    output: operands[1]!,
    from: given.has('partial-dmesg') ? 'last-clear' : 'oldest',
    sizeLimit: sizeLimitOf(given),
    kernel: kernelSourceOf(given),
  };
}

function memUsageAction(given: Given, operands: readonly string[]): Action {
  conflict(given, ['mem-usage'], ['split', 'F']);
  expectOperands(operands, ['/proc/kcore']);
  return { kind: 'mem-usage', memory: operands[0]!, kernel: kernelSourceOf(given) };
}

function createAction(given: Given, operands: readonly string[]): Action {
  for (const [i, codec] of codecOptions.entries()) {
    conflict(given, [codec], ['E']);
    conflict(given, [codec], codecOptions.slice(i + 1));
  }
  conflict(given, ['F'], ['split']);
  conflict(given, ['E'], ['split']);
  conflict(given, ['E'], ['num-threads']);
  conflict(given, ['split'], ['num-threads']);
  if (given.has('e') && !given.has('work-dir')) throw usage('-e needs --work-dir DIR');
  const address = given.value('vtop');
  const vtop = address === undefined ? undefined : parseAddress(address);
  const kernel = kernelSourceOf(given);
  // Ours: the original wants a DUMPFILE even when only an address is asked for.
  if (vtop !== undefined && operands.length === 1 && !given.has('F')) {
    return { kind: 'vtop', vmcore: operands[0]!, address: vtop, kernel };
  }
  const codec = codecOptions.find((name) => given.has(name));
  return {
    kind: 'create',
    vmcore: operands[0] ?? '',
    destination: destinationOf(given, operands),
    levels: levelsOf(given),
    format: given.has('E')
      ? { kind: 'elf' }
      : { kind: 'kdump', codec: codec === undefined ? undefined : codecs[codec] },
    sizeLimit: sizeLimitOf(given),
    kernel,
    tuning: tuningOf(given),
    filters: { modules: given.all('filter'), eraseConfig: given.value('config') },
    excludeVmemmap: given.has('e'),
    vtop,
  };
}

const codecs = { c: 'zlib', l: 'lzo', p: 'snappy', z: 'zstd' } as const satisfies Record<string, CodecName>;
const codecOptions = Object.keys(codecs) as readonly (keyof typeof codecs)[];

function destinationOf(given: Given, operands: readonly string[]): Destination {
  if (given.has('F')) expectOperands(operands, ['VMCORE']);
  else if (given.has('split')) {
    if (operands.length < 3) expectOperands(operands, ['VMCORE', 'DUMPFILE1', 'DUMPFILE2']);
  } else expectOperands(operands, ['VMCORE', 'DUMPFILE']);
  if (given.has('dry-run')) return { kind: 'nowhere' };
  if (given.has('F')) return { kind: 'flattened' };
  if (given.has('split')) return { kind: 'split', paths: operands.slice(1) };
  return { kind: 'file', path: operands[1]! };
}

function kernelSourceOf(given: Given): KernelSource {
  const vmlinux = given.value('x');
  if (vmlinux !== undefined) return { kind: 'vmlinux', path: vmlinux };
  const vmcoreinfo = given.value('i');
  return vmcoreinfo === undefined ? { kind: 'vmcore' } : { kind: 'vmcoreinfo', path: vmcoreinfo };
}

function levelsOf(given: Given): number[] {
  return (given.value('d') ?? '0').split(',').map((text) => {
    const level = parseDumpLevel(text);
    if (level !== undefined) return level;
    throw usage(`"${text}" is not a dump level`, `give -d numbers from 0 to ${maxDumpLevel}`);
  });
}

function sizeLimitOf(given: Given): number | undefined {
  const text = given.value('L');
  if (text === undefined) return undefined;
  const size = parseSize(text);
  if (size === undefined || size === 0) {
    throw usage(`"${text}" is not a size for -L`, 'give it bytes, or a number with K, M, G or T');
  }
  return size;
}

const maxThreads = 1024;
/** -b: 2^order pages. */
const maxBlockOrder = 20;
const maxKilobytes = 2 ** 30;

function tuningOf(given: Given): Tuning {
  // Checked, because a typing error should not go unnoticed; how much is written at a time is the program's to decide.
  given.number('b', 0, maxBlockOrder);
  const kilobytes = given.number('cyclic-buffer', 1, maxKilobytes);
  const splitBlock = given.number('splitblock-size', 1, maxKilobytes);
  const threads = given.number('num-threads', 0, maxThreads);
  return {
    // 0 threads is the original's word for "none besides the main one".
    threads,
    bitmapBytes: kilobytes === undefined ? undefined : kilobytes * 1024,
    splitBlock: splitBlock === undefined ? undefined : splitBlock * 1024,
  };
}

/** As strtoul() with base 0: 0x-hexadecimal or decimal; a kernel address without 0x is taken for hexadecimal. */
function parseAddress(text: string): bigint {
  const digits = /^0x[0-9a-f]{1,16}$/i.test(text) || /^\d{1,19}$/.test(text) ? text : `0x${text}`;
  if (/^(0x[0-9a-f]{1,16}|\d+)$/i.test(digits)) return BigInt(digits);
  throw usage(`"${text}" is not an address for --vtop`, 'give it a number such as 0xffffffff81000000');
}
