import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeKallsyms, type SymbolSpec } from '../../../test/support/kallsyms-tables.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { asVaddr } from '../../base/units.ts';
import { openKallsyms } from './kallsyms.ts';
import { findExports } from './ksymtab.ts';
import { Symbols } from './symbols.ts';

type Form = 'relative-12' | 'relative-8' | 'absolute-24' | 'absolute-16';

interface Options {
  readonly form?: Form;
  /** Bytes that exported functions are away from where kallsyms has them. */
  readonly shift?: bigint;
  /** The linker keeps "init_task" as the end of a longer string. */
  readonly isMerged?: boolean;
}

interface Machine {
  readonly kernel: SyntheticKernel;
  readonly functions: readonly SymbolSpec[];
  readonly data: ReadonlyMap<string, bigint>;
  /** Physical address of the names. */
  readonly strings: number;
}

/** Functions in kallsyms; they and data in two export tables, the second with its own order. */
function machine({ form = 'relative-12', shift = 0n, isMerged = false }: Options = {}): Machine {
  const kernel = new SyntheticKernel();
  const image = kernel.placeVariable(new Uint8Array(0x4000));
  const paddrOf = (address: bigint): number => Number(BigInt.asUintN(64, address - kernel.space.imageOffset));
  const functions: SymbolSpec[] = [
    { name: '_stext', address: image },
    ...Array.from({ length: 60 }, (_, i) => ({
      name: `kernel_fn_${String(i).padStart(2, '0')}`,
      address: image + BigInt(16 * (i + 1)),
    })),
  ];
  const data = new Map([
    ['init_task', image + 0x3000n],
    ['avenrun', image + 0x3100n],
    // A per-CPU variable of x86_64 is an offset.
    ['current_task', 0x1_7bc0n],
  ]);
  const exported: [string, bigint][] = [
    ...functions.slice(1).map(({ name, address }): [string, bigint] => [name, address + shift]),
    ...data,
    ['kernel_fn_30', image + 0x3200n],
  ];
  const isFirst = (i: number): boolean => i % 3 > 0 || i >= 60;
  const byName = ([a]: [string, bigint], [b]: [string, bigint]): number => (a < b ? -1 : 1);
  const entries = [
    ...exported.filter((_, i) => isFirst(i)).sort(byName),
    ...exported.filter((_, i) => !isFirst(i)).sort(byName),
  ];
  const size = Number(form.split('-')[1]);
  const table = kernel.placeVariable(new Uint8Array(entries.length * size));
  const places = new Map<string, bigint>();
  let text = 'noise\0';
  const at = kernel.placeVariable(new Uint8Array(0x2000));
  for (const [name] of entries) {
    if (isMerged) text += 'x';
    places.set(name, at + BigInt(text.length));
    text += `${name}\0`;
  }
  kernel.memory.put(paddrOf(at), new TextEncoder().encode(text));
  const bytes = new Uint8Array(entries.length * size);
  const view = new DataView(bytes.buffer);
  entries.forEach(([name, address], i) => {
    const offset = i * size;
    const place = table + BigInt(offset);
    if (form.startsWith('relative')) {
      view.setInt32(offset, Number(BigInt.asIntN(32, address - place)), true);
      view.setInt32(offset + 4, Number(places.get(name)! - place - 4n), true);
    } else {
      view.setBigUint64(offset, address, true);
      view.setBigUint64(offset + 8, places.get(name)!, true);
    }
  });
  kernel.memory.put(paddrOf(table), bytes);
  placeKallsyms(kernel, functions);
  return { kernel, functions, data, strings: paddrOf(at) };
}

function exportsOf({ kernel }: Machine): ReadonlyMap<string, bigint> | undefined {
  const opened = kernel.kernel();
  return findExports(opened, openKallsyms(opened));
}

describe('the export table', () => {
  for (const form of ['relative-12', 'relative-8', 'absolute-24', 'absolute-16'] as const) {
    it(`tells where exported data is, its entries ${form}`, () => {
      const built = machine({ form });
      const found = exportsOf(built);
      assert.equal(found?.size, 62);
      for (const [name, address] of built.data)
        if (form.startsWith('absolute') || address > 2n ** 63n) assert.equal(found.get(name), address, name);
      assert.equal(found.get('kernel_fn_17'), built.functions[18]!.address);
      assert.equal(found.get('kernel_fn_30'), undefined, 'it is there twice, at two places');
    });
  }

  it('is found by a name that is the end of a longer one', () => {
    const built = machine({ isMerged: true });
    assert.equal(exportsOf(built)?.get('init_task'), built.data.get('init_task'));
  });

  it('is not taken when functions are elsewhere than kallsyms has them, or its names are not in the dump', () => {
    assert.equal(exportsOf(machine({ shift: 16n })), undefined);
    const built = machine();
    built.kernel.memory.lose(Math.floor(built.strings / 4096), 'excluded');
    assert.equal(exportsOf(built), undefined);
  });

  it('is asked by symbols when kallsyms has functions only, which then say so of what is in neither', () => {
    const { kernel, data } = machine();
    const asked: string[] = [];
    const symbols = new Symbols(
      kernel.kernel(),
      () => assert.fail('no module is asked'),
      (name) => {
        asked.push(name);
        return undefined;
      },
    );
    assert.equal(symbols.address('init_task'), data.get('init_task'));
    assert.deepEqual(asked, []);
    assert.throws(
      () => symbols.require('tk_core'),
      /no symbol tk_core: .*functions only \(no CONFIG_KALLSYMS_ALL\)/,
    );
    assert.deepEqual(asked, ['tk_core']);
  });

  it('has variables to which no mark of a section gives its name', () => {
    const { kernel, functions, data } = machine();
    const boundary = { name: '__start_BTF', address: functions.at(-1)!.address + 16n };
    placeKallsyms(kernel, [...functions, boundary, { name: '_end', address: boundary.address + 0x8000n }]);
    const symbols = new Symbols(kernel.kernel(), () => ({ at: () => undefined }) as never);
    assert.equal(symbols.lookup(asVaddr(functions.at(-1)!.address))?.name, functions.at(-1)!.name);
    assert.equal(symbols.lookup(asVaddr(data.get('init_task')!)), undefined);
  });

  it('is not looked for when kallsyms has data', () => {
    const { kernel, functions, data } = machine();
    placeKallsyms(kernel, [...functions, { name: 'init_task', type: 'D', address: data.get('init_task')! }]);
    const symbols = new Symbols(kernel.kernel(), () => assert.fail('no module is asked'));
    assert.equal(symbols.address('avenrun'), undefined);
  });
});
