import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import {
  type KallsymsOptions,
  placeKallsyms,
  type SymbolSpec,
} from '../../../test/support/kallsyms-tables.ts';
import { kernelText, SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { asVaddr } from '../../base/units.ts';
import { type Kallsyms, openKallsyms } from './kallsyms.ts';

const open = (symbols: readonly SymbolSpec[], options?: KallsymsOptions): Kallsyms => {
  const kernel = new SyntheticKernel();
  placeKallsyms(kernel, symbols, options);
  return openKallsyms(kernel.kernel());
};

/** Enough for three markers; some names longer than 127 bytes, one repeated. */
const symbolsFrom = (base: bigint): SymbolSpec[] => [
  { name: '_text', address: base },
  { name: '_stext', address: base },
  ...Array.from({ length: 700 }, (_, i) => ({
    name: i % 100 === 99 ? `long_${i}_${'x'.repeat(150)}` : i % 50 === 7 ? 'repeated' : `kernel_fn_${i}`,
    type: i % 50 === 7 ? 't' : 'T',
    address: base + BigInt(16 * (i + 1)),
  })),
  { name: 'init_task', type: 'D', address: base + 0x10_0000n },
  { name: '_end', type: 'B', address: base + 0x20_0000n },
];
const encodings = ['absolute', 'absolute-percpu', 'base-relative', 'place-relative'] as const;
const base = kernelText + 0x100_0000n;

describe('kallsyms', () => {
  for (const encoding of encodings) {
    it(`with ${encoding} addresses answers in both directions`, () => {
      const specs = symbolsFrom(base);
      const symbols = open(specs, { encoding });
      assert.equal(symbols.encoding, encoding);
      assert.equal(symbols.count, specs.length);
      assert.deepEqual(
        [...symbols],
        specs.map(({ name, address, type = 'T' }) => ({ name, address, type })),
      );
      for (const { name, address } of specs)
        if (name !== 'repeated') assert.equal(symbols.address(name), address, name);
      assert.deepEqual(symbols.lookup(asVaddr(base + 0x10_0123n)), {
        name: 'init_task',
        address: base + 0x10_0000n,
        offset: 0x123n,
        size: 0x10_0000n,
      });
    });
  }

  for (const alignment of [4, 8] as const) {
    for (const lengths of ['one-byte', 'two-bytes'] as const) {
      it(`tells ${lengths} lengths by markers aligned to ${alignment}`, () => {
        const specs = symbolsFrom(kernelText);
        const symbols = open(specs, { lengths, alignment });
        assert.deepEqual(
          Array.from(symbols, ({ name }) => name),
          specs.map(({ name }) => name),
        );
      });
    }
  }

  const symbols = open(symbolsFrom(kernelText));
  it('does not know what is not there, nor parts of names', () => {
    for (const name of ['kernel_fn_', 'kernel_fn_1000', 'init_tas', 'init_task0', '', 'T_text'])
      assert.equal(symbols.address(name), undefined, name);
  });

  it('finds all symbols that share a name', () => {
    const found = [...symbols.all('repeated')];
    assert.equal(found.length, 14);
    assert.deepEqual(found[1], { name: 'repeated', type: 't', address: kernelText + 16n * 58n });
  });

  it('names the first of several symbols at one address, as the kernel does', () => {
    assert.equal(symbols.lookup(asVaddr(kernelText + 5n))?.name, '_text');
  });

  it('names nothing outside of the image', () => {
    for (const address of [0n, 0x1000n, kernelText - 1n, kernelText + 0x20_0001n, 2n ** 64n - 1n])
      assert.equal(symbols.lookup(asVaddr(address)), undefined, address.toString(16));
    assert.equal(symbols.lookup(asVaddr(kernelText + 0x20_0000n))?.name, '_end');
  });

  it('does not take per-CPU offsets for addresses', () => {
    const withPerCpu = open([
      { name: 'fixed_percpu_data', type: 'A', address: 0n },
      ...symbolsFrom(kernelText),
    ]);
    assert.equal(withPerCpu.address('fixed_percpu_data'), 0n);
    assert.equal(withPerCpu.lookup(asVaddr(8n)), undefined);
    assert.equal(withPerCpu.lookup(asVaddr(kernelText - 8n)), undefined);
  });

  it('is refused when vmcoreinfo does not say where it is', () => {
    assert.throws(() => openKallsyms(new SyntheticKernel().kernel()), failsWith('E_NO_INFO', /kallsyms/));
  });

  it('is refused when the markers are elsewhere, _stext is, or the count is absurd', () => {
    const specs = symbolsFrom(kernelText);
    assert.throws(() => open(specs, { broken: 'markers' }), failsWith('E_CORRUPT', /markers/));
    assert.throws(() => open(specs, { broken: 'stext' }), failsWith('E_CORRUPT', /_stext/));
    const kernel = new SyntheticKernel();
    placeKallsyms(kernel, specs);
    kernel.addInfo({ 'SYMBOL(kallsyms_num_syms)': kernel.place(new Uint8Array(4).fill(0xff)) });
    assert.throws(() => openKallsyms(kernel.kernel()), failsWith('E_CORRUPT', /4294967295 symbols/));
  });
});
