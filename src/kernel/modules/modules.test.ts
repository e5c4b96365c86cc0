import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import {
  alphaData,
  alphaSymbols,
  alphaText,
  betaText,
  type ModuleKernel,
  moduleKernel,
} from '../../../test/support/module-kernel.ts';
import { directMap } from '../../../test/support/synthetic-kernel.ts';
import { asVaddr } from '../../base/units.ts';
import { findBtf } from '../types/btf-scan.ts';
import { layoutsOf } from '../types/layouts.ts';
import { findPath } from '../types/types.ts';
import { Modules } from './modules.ts';

function open({ kernel: synthetic }: ModuleKernel): Modules {
  const kernel = synthetic.kernel();
  return new Modules(kernel, layoutsOf(kernel), {
    symbol: (name) => kernel.info.symbol(name),
    btf: () => findBtf(kernel),
  });
}

for (const form of ['mem', 'layout'] as const) {
  describe(`modules, ${form === 'mem' ? 'since' : 'before'} 6.4`, () => {
    const made = moduleKernel(form);
    const modules = open(made);
    const alpha = modules.find('alpha')!;

    it('have names and memory; those that are not formed are none', () => {
      assert.deepEqual(
        modules.all().map(({ name, address, state, base, size }) => ({ name, address, state, base, size })),
        [
          { name: 'be_ta', address: made.beta, state: 'live', base: betaText, size: 0x2000 },
          {
            name: 'alpha',
            address: made.alpha,
            state: 'live',
            base: alphaText,
            size: form === 'mem' ? 0x4000 : 0x6000,
          },
        ],
      );
      assert.deepEqual(
        alpha.regions.map(({ kind }) => kind),
        form === 'mem' ? ['text', 'data'] : ['core'],
      );
      assert.equal(modules.find('be-ta')?.name, 'be_ta');
      assert.equal(modules.find('gamma'), undefined);
      assert.equal(modules.at(asVaddr(alphaData + 0x1fffn)), alpha);
      assert.equal(modules.at(asVaddr(0xffff_ffff_c000_a000n)), undefined);
    });

    it('have symbols, ascending, without those that are not theirs', () => {
      const { init, table, pointer, key } = alphaSymbols;
      assert.deepEqual(
        [...modules.symbols(alpha)].map(({ name, type, address, size }) => [name, type, address, size]),
        [
          [init, 't', alphaText + 0x10n, 0x100],
          [table, 'd', alphaData, 24],
          [pointer, 'd', alphaData + 0x20n, 8],
          [key, 'd', alphaData + 0x40n, 24],
        ],
      );
      assert.equal(modules.symbols(alpha).find(pointer)?.address, alphaData + 0x20n);
      assert.equal(modules.symbols(alpha).find('not_there'), undefined);
    });

    it('tell what an address of theirs is', () => {
      const symbols = modules.symbols(alpha);
      assert.deepEqual(symbols.lookup(asVaddr(alphaData + 0x24n)), {
        name: alphaSymbols.pointer,
        address: alphaData + 0x20n,
        offset: 4n,
        size: 0x20n,
      });
      assert.equal(symbols.lookup(asVaddr(alphaText + 0x1fffn))?.name, alphaSymbols.init);
      assert.equal(symbols.lookup(asVaddr(alphaText + 8n)), undefined, 'before the first symbol');
      assert.equal(symbols.lookup(asVaddr(betaText)), undefined, "another module's");
    });

    it("give no function's name to data when only functions have names", () => {
      const beta = modules.find('be_ta')!;
      const symbols = modules.symbols(beta);
      const [only] = symbols;
      assert.equal(symbols.lookup(asVaddr(betaText + 0xfffn))?.name, only?.name);
      // In one piece with the data: text takes the first half.
      const behind = symbols.lookup(asVaddr(betaText + 0x1000n));
      assert.equal(behind?.name, form === 'mem' ? only?.name : undefined);
    });

    it('have types of their own, and behind them those of vmlinux', () => {
      const types = modules.typesOf(alpha)!;
      const secret = types.struct('alpha_secret')!;
      assert.equal(secret.size, 24);
      assert.equal(findPath(secret, 'next')?.offset, 16);
      assert.equal(types.struct('module')?.name, 'module');
      assert.equal(modules.typesOf(modules.find('be_ta')!), undefined);
    });
  });
}

describe('modules that cannot be read', () => {
  it('because nothing tells where they are', () => {
    const made = moduleKernel('mem');
    const kernel = made.kernel.kernel();
    const modules = new Modules(kernel, layoutsOf(kernel), { symbol: () => undefined, btf: () => undefined });
    assert.throws(() => modules.all(), failsWith('E_NO_INFO', /where the list of modules is/));
  });

  it('because their list is broken', () => {
    const made = moduleKernel('mem');
    const next = Number(made.alpha - directMap) + 8;
    made.kernel.memory.putU64(next, made.alpha + 8n);
    assert.throws(() => open(made).all(), failsWith('E_CORRUPT', /without coming back/));
    made.kernel.memory.putU64(next, 0n);
    assert.throws(() => open(made).all(), failsWith('E_CORRUPT', /null pointer/));
  });

  it('because their symbols make no sense, or are not kept', () => {
    const made = moduleKernel('mem');
    const kallsyms = made.kernel.kernel().readPointer(asVaddr(made.alpha + 400n));
    const modules = open(made);
    made.kernel.memory.putU64(Number(kallsyms - directMap) + 8, 0xffff_ffffn);
    assert.throws(
      () => modules.symbols(modules.find('alpha')!),
      failsWith('E_CORRUPT', /4294967295 symbols/),
    );
    made.kernel.memory.putU64(Number(made.alpha - directMap) + 400, 0n);
    const again = open(made);
    assert.throws(
      () => again.symbols(again.find('alpha')!),
      failsWith('E_NO_INFO', /no symbols of module alpha/),
    );
  });

  it('because their types are of another vmlinux', () => {
    const made = moduleKernel('mem');
    const kernel = made.kernel.kernel();
    const entry = kernel.readPointer(asVaddr(made.btfModules));
    const btf = kernel.readPointer(asVaddr(entry + 24n));
    made.kernel.memory.put(Number(btf - directMap) + 12, Uint8Array.of(1, 0, 0, 0));
    const modules = open(made);
    assert.equal(modules.typesOf(modules.find('alpha')!), undefined);
  });
});
