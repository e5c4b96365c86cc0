import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { placeKallsyms } from '../../../test/support/kallsyms-tables.ts';
import { alphaSymbols, alphaText, moduleKernel } from '../../../test/support/module-kernel.ts';
import { directMap, kernelText } from '../../../test/support/synthetic-kernel.ts';
import { asVaddr } from '../../base/units.ts';
import { type CrashedKernel, openCrashedKernel } from '../../kernel/crashed-kernel.ts';
import { addressFrom, symbolText } from './address.ts';
import { allSymbols, findSymbols } from './sym.ts';

function machine(): { crashed: CrashedKernel; break_: () => CrashedKernel } {
  const made = moduleKernel('mem');
  const { kernel } = made;
  placeKallsyms(kernel, [
    { name: '_stext', address: kernelText },
    { name: 'twice', type: 't', address: kernelText + 0x100n },
    { name: 'twice', type: 't', address: kernelText + 0x200n },
    { name: alphaSymbols.init, address: kernelText + 0x300n },
    { name: '_end', type: 'B', address: kernelText + 0x1000n },
  ]);
  return {
    crashed: openCrashedKernel(kernel.dump()),
    break_: () => {
      // The next module of alpha is alpha itself.
      kernel.memory.putU64(Number(made.beta - directMap) + 8, 0x1234n);
      return openCrashedKernel(kernel.dump());
    },
  };
}

describe('symbols', () => {
  it('are found by name in the kernel and its modules', () => {
    const { crashed } = machine();
    assert.deepEqual(
      findSymbols(crashed, alphaSymbols.init).map(({ name, module, address, type, size }) => ({
        name,
        module,
        address,
        type,
        size,
      })),
      [
        {
          name: alphaSymbols.init,
          module: null,
          address: `0x${(kernelText + 0x300n).toString(16)}`,
          type: 'T',
          size: 0xd00,
        },
        {
          name: alphaSymbols.init,
          module: 'alpha',
          address: `0x${(alphaText + 0x10n).toString(16)}`,
          type: 't',
          size: 0x1ff0,
        },
      ],
    );
    assert.deepEqual(
      findSymbols(crashed, `alpha:${alphaSymbols.init}`).map(({ module }) => module),
      ['alpha'],
    );
    assert.equal(findSymbols(crashed, 'twice').length, 2);
    assert.deepEqual(findSymbols(crashed, 'nothing'), []);
    assert.ok([...allSymbols(crashed)].length >= 9);
  });

  it('are found by an address within', () => {
    const { crashed } = machine();
    const [found] = findSymbols(crashed, `0x${(alphaText + 0x18n).toString(16)}`);
    assert.deepEqual([found?.name, found?.offset, found?.module], [alphaSymbols.init, 8, 'alpha']);
    assert.equal(symbolText(crashed, alphaText + 0x18n), `${alphaSymbols.init}+0x8 [alpha]`);
    assert.equal(symbolText(crashed, 5n), undefined);
  });

  it('stand for addresses', () => {
    const { crashed } = machine();
    assert.equal(addressFrom(crashed, 'twice+0x10'), asVaddr(kernelText + 0x110n));
    assert.equal(addressFrom(crashed, `alpha:${alphaSymbols.init}+16`), asVaddr(alphaText + 0x20n));
    assert.equal(addressFrom(crashed, '0x10'), 0x10n);
    assert.equal(addressFrom(crashed, 'ffffffff81000000'), 0xffff_ffff_8100_0000n);
    for (const text of ['nothing', '', 'twice+', 'twice+x', 'a+b+c', '+5'])
      assert.throws(
        () => addressFrom(crashed, text),
        failsWith('E_USAGE', /neither an address nor a known symbol/),
        text,
      );
  });

  it("are there though the list of modules is broken: the kernel's own, and those of modules that can be reached", () => {
    const crashed = machine().break_();
    assert.equal(symbolText(crashed, kernelText + 0x108n), 'twice+0x8');
    assert.ok(findSymbols(crashed, 'twice').length === 2);
    assert.ok(crashed.symbols.troubles.some((line) => line.startsWith('the list of modules: ')));
  });
});
