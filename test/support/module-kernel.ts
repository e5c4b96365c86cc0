/**
 * A synthetic kernel with two modules loaded, and one that is still being formed.
 *
 *   alpha   text at 0xffffffffc0000000 and data at 0xffffffffc0004000, 8 KiB each; types of its own (struct alpha_secret { key[16], next }), and symbols
 *           alpha_init (text), alpha_table (24 bytes of data), alpha_pointer (8 bytes, points to a string), alpha_key (an alpha_secret)
 *   beta    text only, no types of its own; one symbol
 */
import { BtfBuilder } from './btf-bytes.ts';
import { placeKallsyms } from './kallsyms-tables.ts';
import { directMap, kernelText, SyntheticKernel } from './synthetic-kernel.ts';

export const alphaText = 0xffff_ffff_c000_0000n;
export const alphaData = 0xffff_ffff_c000_4000n;
export const betaText = 0xffff_ffff_c000_8000n;
const regionSize = 0x2000;

/** "mem": module.mem[], as since 6.4; "layout": core_layout and init_layout. */
export type ModuleForm = 'mem' | 'layout';

export interface ModuleKernel {
  readonly kernel: SyntheticKernel;
  /** Of the struct modules. */
  readonly alpha: bigint;
  readonly beta: bigint;
  /** Physical addresses of alpha's text and data. */
  readonly textAt: number;
  readonly dataAt: number;
  /** Where alpha_pointer points to. */
  readonly string: bigint;
  /** Of the list heads. */
  readonly modules: bigint;
  readonly btfModules: bigint;
}

const at = { state: 0, list: 8, name: 24, memory: 80, kallsyms: 400, size: 448 } as const;
const name = 'alpha_symbols_have_long_names';

export const alphaSymbols = {
  init: `${name}_init`,
  table: 'alpha_table',
  pointer: 'alpha_pointer',
  key: 'alpha_key',
};

function vmlinuxTypes(form: ModuleForm): BtfBuilder {
  const btf = new BtfBuilder();
  const char = btf.int('char', 1, 'signed');
  const uint = btf.int('unsigned int', 4);
  const pointer = btf.pointer(0);
  const list = btf.struct('list_head', 16, [
    { name: 'next', type: pointer, at: 0 },
    { name: 'prev', type: pointer, at: 64 },
  ]);
  btf.struct('task_struct', 8, [{ name: 'pid', type: uint, at: 0 }]);
  const region = (struct: string, size: number): number =>
    btf.struct(struct, size, [
      { name: 'base', type: pointer, at: 0 },
      { name: 'size', type: uint, at: 64 },
      ...(struct === 'module_layout' ? [{ name: 'text_size', type: uint, at: 96 }] : []),
    ]);
  const memory =
    form === 'mem'
      ? [{ name: 'mem', type: btf.array(region('module_memory', 24), 7), at: 8 * at.memory }]
      : [region('module_layout', 80)].flatMap((type) => [
          { name: 'core_layout', type, at: 8 * at.memory },
          { name: 'init_layout', type, at: 8 * at.memory + 640 },
        ]);
  if (form === 'mem')
    btf.enumeration('mod_mem_type', { MOD_TEXT: 0, MOD_DATA: 1, MOD_RODATA: 2, MOD_INIT_TEXT: 4 });
  btf.struct('mod_kallsyms', 32, [
    { name: 'symtab', type: pointer, at: 0 },
    { name: 'num_symtab', type: uint, at: 64 },
    { name: 'strtab', type: pointer, at: 128 },
    // Before 5.2 the letters are in the symbols.
    ...(form === 'mem' ? [{ name: 'typetab', type: pointer, at: 192 }] : []),
  ]);
  btf.struct('module', at.size, [
    { name: 'state', type: uint, at: 0 },
    { name: 'list', type: list, at: 8 * at.list },
    { name: 'name', type: btf.array(char, 56), at: 8 * at.name },
    ...memory,
    { name: 'kallsyms', type: pointer, at: 8 * at.kallsyms },
  ]);
  btf.struct('btf_module', 32, [
    { name: 'list', type: list, at: 0 },
    { name: 'module', type: pointer, at: 128 },
    { name: 'btf', type: pointer, at: 192 },
  ]);
  btf.struct('btf', 32, [
    { name: 'data', type: pointer, at: 0 },
    { name: 'data_size', type: uint, at: 64 },
    { name: 'start_id', type: uint, at: 96 },
  ]);
  return btf;
}

interface SymbolSpec {
  readonly name: string;
  readonly type: string;
  readonly address: bigint;
  readonly size: number;
  readonly section?: number;
}

export function moduleKernel(form: ModuleForm): ModuleKernel {
  const kernel = new SyntheticKernel();
  const { memory } = kernel;
  const space = (size: number): bigint => directMap + BigInt(kernel.allocate(size, 16));
  const put = (address: bigint, offset: number, value: bigint): void =>
    memory.putU64(Number(address - directMap) + offset, value);
  const putText = (address: bigint, offset: number, value: string): void =>
    memory.put(Number(address - directMap) + offset, new TextEncoder().encode(`${value}\0`));
  const link = (head: bigint, nodes: readonly bigint[]): void => {
    const ring = [head, ...nodes];
    for (const [i, node] of ring.entries()) {
      put(node, 0, ring[(i + 1) % ring.length]!);
      put(node, 8, ring.at(i - 1)!);
    }
  };
  kernel.tables.map(kernelText, 0, 0x20_0000);
  const base = vmlinuxTypes(form);
  kernel.place(base.bytes());
  const region = (address: bigint): number => {
    const paddr = kernel.allocate(regionSize, 4096);
    for (let done = 0; done < regionSize; done += 4096)
      kernel.tables.map(address + BigInt(done), paddr + done, 0x1000);
    return paddr;
  };
  const textAt = region(alphaText);
  const dataAt = region(alphaData);
  region(betaText);

  const symbolsOf = (symbols: readonly SymbolSpec[]): bigint => {
    const strings: number[] = [0];
    const table = new DataView(new ArrayBuffer(24 * (symbols.length + 1)));
    for (const [i, symbol] of symbols.entries()) {
      const entry = 24 * (i + 1);
      table.setUint32(entry, strings.length, true);
      table.setUint8(entry + 4, form === 'mem' ? 0x12 : symbol.type.charCodeAt(0));
      table.setUint16(entry + 6, symbol.section ?? 1, true);
      table.setBigUint64(entry + 8, symbol.address, true);
      table.setBigUint64(entry + 16, BigInt(symbol.size), true);
      strings.push(...new TextEncoder().encode(symbol.name), 0);
    }
    const kallsyms = space(32);
    put(kallsyms, 0, kernel.place(new Uint8Array(table.buffer)));
    put(kallsyms, 8, BigInt(symbols.length + 1));
    put(kallsyms, 16, kernel.place(Uint8Array.from(strings)));
    const letters = `?${symbols.map(({ type }) => type).join('')}`;
    if (form === 'mem') put(kallsyms, 24, kernel.place(new TextEncoder().encode(letters)));
    return kallsyms;
  };
  const moduleOf = (
    own: string,
    state: number,
    regions: readonly (readonly [base: bigint, size: number])[],
    symbols: bigint,
  ): bigint => {
    const module = space(at.size);
    put(module, at.state, BigInt(state));
    putText(module, at.name, own);
    const step = form === 'mem' ? 24 : 80;
    for (const [i, [start, size]] of regions.entries()) {
      put(module, at.memory + i * step, start);
      // In the upper half the size of the text.
      const text = form === 'layout' ? BigInt(size / 2) << 32n : 0n;
      put(module, at.memory + i * step + 8, BigInt(size) | text);
    }
    put(module, at.kallsyms, symbols);
    return module;
  };

  const string = kernel.place(new TextEncoder().encode('a secret of alpha\0'));
  memory.putU64(dataAt + 0x20, string);
  const { init, table, pointer, key } = alphaSymbols;
  const alphaKallsyms = symbolsOf([
    { name: key, type: 'd', address: alphaData + 0x40n, size: 24 },
    { name: table, type: 'd', address: alphaData, size: 24 },
    { name: pointer, type: 'd', address: alphaData + 0x20n, size: 8 },
    { name: init, type: 't', address: alphaText + 0x10n, size: 0x100 },
    { name: 'not_there', type: 'U', address: 0n, size: 0, section: 0 },
    { name: '$d', type: 'd', address: alphaData + 0x21n, size: 0 },
  ]);
  const betaKallsyms = symbolsOf([{ name: 'beta_run', type: 'T', address: betaText, size: 0 }]);
  const alphaRegions: [bigint, number][] =
    form === 'mem'
      ? [
          [alphaText, regionSize],
          [alphaData, regionSize],
        ]
      : [[alphaText, 0x6000]];
  const alpha = moduleOf('alpha', 0, alphaRegions, alphaKallsyms);
  const beta = moduleOf('be_ta', 0, [[betaText, regionSize]], betaKallsyms);
  const unformed = moduleOf('gamma', 3, [], 0n);
  const modules = space(16);
  link(
    modules,
    [unformed, beta, alpha].map((module) => module + BigInt(at.list)),
  );

  const split = new BtfBuilder(base);
  const bytes = split.array(1, 16);
  const secret = split.nextId;
  split.struct('alpha_secret', 24, [
    { name: 'key', type: bytes, at: 0 },
    { name: 'next', type: secret + 1, at: 128 },
  ]);
  split.pointer(secret);
  const data = split.bytes();
  const [entry, btf, btfModules] = [space(32), space(32), space(16)];
  put(entry, 16, alpha);
  put(entry, 24, btf);
  put(btf, 0, kernel.place(data));
  put(btf, 8, BigInt(data.length) | (BigInt(base.nextId) << 32n));
  link(btfModules, [entry]);

  placeKallsyms(kernel, [
    { name: '_stext', address: kernelText },
    { name: '_end', address: kernelText + 0x1000n },
  ]);
  kernel.addInfo({ 'SYMBOL(modules)': modules, 'SYMBOL(btf_modules)': btfModules });
  return { kernel, alpha, beta, textAt, dataAt, string, modules, btfModules };
}
