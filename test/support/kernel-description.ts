/**
 * Kernels as text: docs/synthetic-kernels.md says what the lines mean. Here they become data; described-kernel.ts builds the kernel.
 *
 *   release  6.12.0
 *   arch     arm64, 64K pages, va 52 on 48
 *   memory   0x40000000-0x43ffffff
 *   page     +16     buddy order 4    -> out at 16
 *   log      <5>[    0.000000] Linux version 6.12.0
 */
import type { Machine } from './address-space.ts';
import { type DescribedPages, parsePages } from './described-pages.ts';
import type { SymbolSpec } from './kallsyms-tables.ts';
import { type MemoryModel, maxBuddyOrder } from './mem-map.ts';
import type { RamRange } from './sparse-memory.ts';

export interface DescribedRecord {
  readonly text: string;
  /** Nanoseconds. */
  readonly time: bigint;
  /** Thread id, or bit 31 and a CPU number. */
  readonly caller: number | undefined;
  /** KEY=VALUE. */
  readonly dictionary: readonly string[];
  /** The line as dmesg shows it. */
  readonly shown: string;
}

export interface KernelDescription {
  readonly release: string;
  readonly machine: Machine;
  readonly ram: readonly RamRange[];
  readonly model: MemoryModel;
  /** SECTION_SIZE_BITS, where it is not what the release has. */
  readonly sectionBits: number | undefined;
  readonly pages: readonly DescribedPages[];
  readonly log: readonly DescribedRecord[];
  /** Keys to add; undefined takes one away. */
  readonly vmcoreinfo: ReadonlyMap<string, string | undefined>;
  readonly symbols: readonly DescribedSymbol[];
}

/** `address`: from the beginning of the image, or absolute. */
export interface DescribedSymbol extends SymbolSpec {
  readonly inImage: boolean;
}

const pageSizes = { '4K': 4096, '16K': 16384, '64K': 65536 } as const;
const models: Readonly<Record<string, MemoryModel>> = {
  flat: 'flat',
  sparse: 'static',
  'sparse-extreme': 'extreme',
};

/** Throws an Error that names the line. */
export function parseKernel(text: string): KernelDescription {
  const description = new Description();
  text.split('\n').forEach((line, i) => {
    const content = line.replace(/(^|\s)#.*$/, '').trim();
    if (content === '') return;
    try {
      description.add(content);
    } catch (error) {
      throw new Error(`line ${i + 1}: ${(error as Error).message}`, { cause: error });
    }
  });
  return description.whole();
}

class Description {
  private release: string | undefined;
  private machine: Machine | undefined;
  private kaslr = 0n;
  private physBase: bigint | undefined;
  private ram: RamRange[] = [];
  private model: MemoryModel = 'extreme';
  private sectionBits: number | undefined;
  private readonly pages: DescribedPages[] = [];
  private readonly log: DescribedRecord[] = [];
  private readonly vmcoreinfo = new Map<string, string | undefined>();
  private readonly symbols: DescribedSymbol[] = [];

  add(line: string): void {
    const [, keyword = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    switch (keyword) {
      case 'release':
        this.release = matched(/^\d+\.\d+\S*$/, rest, 'not a release')[0];
        return;
      case 'arch':
        this.machine = parseMachine(rest);
        return;
      case 'kaslr':
        this.kaslr = parseNumber(rest);
        return;
      case 'phys_base':
        this.physBase = rest.startsWith('-') ? -parseNumber(rest.slice(1)) : parseNumber(rest);
        return;
      case 'memory':
        this.ram = rest.split(/\s*,\s*/).map((part) => this.parseRam(part));
        return;
      case 'mem_map':
        this.addMemMap(rest);
        return;
      case 'page':
        this.pages.push(this.parsePages(rest));
        return;
      case 'log':
        this.log.push(parseRecord(rest));
        return;
      case 'dict':
        this.addDictionary(rest);
        return;
      case 'vmcoreinfo':
        this.addInfo(rest);
        return;
      case 'symbol':
        this.symbols.push(parseSymbol(rest));
        return;
      default:
        throw new Error(`no such line: "${keyword}"`);
    }
  }

  whole(): KernelDescription {
    const { machine, pages, log, vmcoreinfo, symbols, ram, model, sectionBits } = this;
    const release = required(this.release, 'release');
    if (ram.length === 0) required(undefined, 'memory');
    const { physBase } = this;
    const moved = { ...required(machine, 'arch'), kaslr: this.kaslr };
    if (moved.arch === 'arm64' && physBase !== undefined) throw new Error('arm64 has no phys_base');
    const placed = moved.arch === 'x86_64' && physBase !== undefined ? { ...moved, physBase } : moved;
    return { release, machine: placed, ram, model, sectionBits, pages, log, vmcoreinfo, symbols };
  }

  private get pageSize(): number {
    const machine = required(this.machine, 'arch');
    return machine.arch === 'x86_64' ? 4096 : machine.pageSize;
  }

  private parseRam(text: string): RamRange {
    const [, first, last] = matched(/^(0x[0-9a-f]+)-(0x[0-9a-f]+)$/i, text, 'not a range of addresses');
    const range = { start: Number(first), end: Number(last) + 1 };
    if (range.start < range.end && range.start % this.pageSize === 0 && range.end % this.pageSize === 0)
      return range;
    throw new Error(`not whole pages of ${this.pageSize} bytes: "${text}"`);
  }

  private parsePages(rest: string): DescribedPages {
    const release = required(this.release, 'release');
    if (this.ram.length === 0) required(undefined, 'memory');
    const first = Math.min(...this.ram.map(({ start }) => start)) / this.pageSize;
    const pages = parsePages(rest, release, first, maxBuddyOrder(this.pageSize));
    const isRam = this.ram.some(
      ({ start, end }) =>
        start <= pages.first * this.pageSize && (pages.first + pages.count) * this.pageSize <= end,
    );
    if (!isRam) throw new Error(`page frame ${pages.first} is not in memory`);
    return pages;
  }

  private addMemMap(rest: string): void {
    const [, name = '', bits] = matched(
      /^(\S+?)(?:, sections of 2\^(\d+))?$/,
      rest,
      'not a mem_map ("sparse-extreme, sections of 2^27")',
    );
    const model = models[name];
    if (model === undefined) throw new Error(`no such mem_map: "${name}"; ${Object.keys(models).join(', ')}`);
    this.model = model;
    this.sectionBits = bits === undefined ? undefined : Number(bits);
  }

  private addDictionary(rest: string): void {
    const last = this.log.pop();
    if (last === undefined) throw new Error('"dict" follows a "log" line');
    this.log.push({ ...last, dictionary: rest.split(/\s+/) });
  }

  private addInfo(rest: string): void {
    const [, without, key = '', value] = matched(/^(!?)([^=]+)(?:=(.*))?$/, rest, 'not KEY=VALUE or !KEY');
    if ((without === '!') === (value !== undefined)) throw new Error(`not KEY=VALUE or !KEY: "${rest}"`);
    this.vmcoreinfo.set(key, value);
  }
}

function parseMachine(rest: string): Machine {
  const [arch, ...details] = rest.split(/\s*,\s*/);
  const find = (pattern: RegExp): RegExpExecArray | undefined => {
    const at = details.findIndex((detail) => pattern.test(detail));
    return at < 0 ? undefined : (pattern.exec(details.splice(at, 1)[0]!) ?? undefined);
  };
  const machine = arch === 'x86_64' ? x86Of(find) : arch === 'arm64' ? arm64Of(find) : undefined;
  if (machine === undefined) throw new Error(`no such architecture: "${arch}"; x86_64 or arm64`);
  if (details.length > 0) throw new Error(`no such detail of ${arch}: "${details[0]}"`);
  return machine;
}

type Find = (pattern: RegExp) => RegExpExecArray | undefined;

function x86Of(find: Find): Machine {
  const levels = find(/^([45]) levels$/)?.[1];
  const sme = find(/^sme bit (\d+)$/)?.[1];
  return {
    arch: 'x86_64',
    levels: levels === '5' ? 5 : 4,
    ...(sme === undefined ? {} : { smeBit: Number(sme) }),
  };
}

function arm64Of(find: Find): Machine {
  const size = find(/^(4K|16K|64K) pages$/)?.[1] ?? '4K';
  const va = find(/^va (\d+)(?: on (\d+))?$/);
  return {
    arch: 'arm64',
    pageSize: pageSizes[size as keyof typeof pageSizes],
    vaBits: Number(va?.[1] ?? 48),
    ...(va?.[2] === undefined ? {} : { cpuVaBits: Number(va[2]) }),
  };
}

/** A line of the log as the kernel's console shows it with all prefixes: <level>[time][caller] text. */
function parseRecord(rest: string): DescribedRecord {
  const [, seconds = '', micros = '', caller, text = ''] = matched(
    /^<\d+>\[ *(\d+)\.(\d{6})\](?:\[ *([TC]\d+)\])? (.*)$/,
    rest,
    'not <level>[seconds.micros] text',
  );
  const id = caller === undefined ? undefined : Number(caller.slice(1)) + (caller[0] === 'C' ? 2 ** 31 : 0);
  return {
    text,
    time: (BigInt(seconds) * 1_000_000n + BigInt(micros)) * 1000n,
    caller: id,
    dictionary: [],
    shown: rest.replace(/^<\d+>(\[ *\d+\.\d{6}\])(?:\[ *[TC]\d+\])? /, '$1 '),
  };
}

function parseSymbol(rest: string): DescribedSymbol {
  const [, type = '', name = '', image, offset = ''] = matched(
    /^([a-zA-Z]) (\S+)\s+=\s+(image\+)?(0x[0-9a-f]+)$/,
    rest,
    'not "T name = image+0x10"',
  );
  return { type, name, address: BigInt(offset), inImage: image !== undefined };
}

function matched(pattern: RegExp, text: string, complaint: string): RegExpExecArray {
  const match = pattern.exec(text);
  if (match !== null) return match;
  throw new Error(`${complaint}: "${text}"`);
}

function parseNumber(text: string): bigint {
  return BigInt(matched(/^(0x[0-9a-f]+|\d+)$/i, text, 'not a number')[0]);
}

function required<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new Error(`there is no line "${what}" yet`);
}
