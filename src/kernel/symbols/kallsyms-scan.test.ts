import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type KallsymsOptions,
  placeKallsyms,
  type SymbolSpec,
} from '../../../test/support/kallsyms-tables.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { Kallsyms } from './kallsyms.ts';
import { scanKallsyms } from './kallsyms-scan.ts';
import { Symbols } from './symbols.ts';

/** Enough for three markers; two names at _stext's place, as in a real kernel. */
const symbolsFrom = (base: bigint): SymbolSpec[] => [
  { name: '_text', address: base },
  { name: '_stext', address: base },
  { name: 'first_function', address: base },
  ...Array.from({ length: 700 }, (_, i) => ({
    name: `kernel_fn_${i}`,
    address: base + BigInt(16 * (i + 1)),
  })),
  { name: 'init_uts_ns', type: 'D', address: base + 0x8000n },
  { name: '_end', type: 'B', address: base + 0x20_0000n },
];

function machine(options: KallsymsOptions): { kernel: SyntheticKernel; specs: SymbolSpec[] } {
  const kernel = new SyntheticKernel();
  // Text, in which something looks like the digits of a token table.
  const text = new Uint8Array(0x3000);
  text.set(new TextEncoder().encode('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00'), 0x1234);
  const specs = symbolsFrom(kernel.placeVariable(text));
  placeKallsyms(kernel, specs, { told: 'nowhere', ...options });
  kernel.addInfo({ 'SYMBOL(init_uts_ns)': specs.find(({ name }) => name === 'init_uts_ns')!.address });
  return { kernel, specs };
}

/** What was built when; in all of them arm64 has the order of x86_64. */
const releases: Readonly<Record<string, KallsymsOptions>> = {
  '4.19 without relative addresses': {
    encoding: 'absolute',
    lengths: 'one-byte',
    markers: 64,
    order: 'before-6.4',
  },
  '4.19, x86_64': { encoding: 'absolute-percpu', lengths: 'one-byte', markers: 64, order: 'before-6.4' },
  '5.10, x86_64': { encoding: 'absolute-percpu', lengths: 'one-byte', order: 'before-6.4' },
  '5.10, arm64': { encoding: 'base-relative', lengths: 'one-byte', order: 'before-6.4' },
  '6.2, x86_64': { encoding: 'absolute-percpu', order: 'before-6.4', sequence: 'behind-markers' },
  '6.4 without relative addresses': { encoding: 'absolute', sequence: 'last' },
  '6.12, x86_64': { encoding: 'absolute-percpu', sequence: 'last' },
  '6.15, both': { encoding: 'base-relative', sequence: 'last' },
  '7.2, both': { encoding: 'place-relative', alignment: 4, sequence: 'last' },
};

describe('kallsyms that nothing names', () => {
  for (const [release, options] of Object.entries(releases)) {
    it(`is found as ${release} has it`, () => {
      const { kernel, specs } = machine(options);
      const found = scanKallsyms(kernel.kernel());
      assert.ok(found instanceof Kallsyms);
      assert.equal(found.encoding, options.encoding);
      assert.deepEqual(
        [...found],
        specs.map(({ name, address, type = 'T' }) => ({ name, address, type })),
      );
    });
  }

  it('is what symbols are looked up in then', () => {
    const { kernel, specs } = machine({ encoding: 'absolute-percpu' });
    const symbols = new Symbols(kernel.kernel(), () => assert.fail('no module is asked'));
    assert.equal(symbols.address('kernel_fn_5'), specs.find(({ name }) => name === 'kernel_fn_5')!.address);
    assert.deepEqual(symbols.troubles, []);
  });

  it('is not there when _stext or another anchor is elsewhere, a marker is wrong, or the index does not fit', () => {
    assert.equal(scanKallsyms(machine({ broken: 'stext' }).kernel.kernel()), undefined);
    assert.equal(scanKallsyms(machine({ broken: 'markers' }).kernel.kernel()), undefined);
    const { kernel, specs } = machine({});
    kernel.addInfo({ 'SYMBOL(init_uts_ns)': specs.at(-1)!.address });
    assert.equal(scanKallsyms(kernel.kernel()), undefined);
  });

  it('is not there without an image, or with a page of it gone', () => {
    const nothing = new SyntheticKernel();
    assert.equal(scanKallsyms(nothing.kernel()), undefined);
    const { kernel } = machine({ encoding: 'base-relative' });
    const last = Math.floor((kernel.allocatedEnd - 1) / 4096);
    kernel.memory.lose(last, 'excluded');
    assert.equal(scanKallsyms(kernel.kernel()), undefined);
  });
});
