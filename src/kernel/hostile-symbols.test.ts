/**
 * Symbol tables and types whose bytes are anything: answers or an error of ours, in bounded time and memory, never a crash. And what a crashed kernel with
 * such tables still tells.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BtfBuilder } from '../../test/support/btf-bytes.ts';
import { CKernel, CTypes } from '../../test/support/c-types.ts';
import { type KallsymsOptions, placeKallsyms, type SymbolSpec } from '../../test/support/kallsyms-tables.ts';
import { alphaText, moduleKernel } from '../../test/support/module-kernel.ts';
import { directMap, SyntheticKernel } from '../../test/support/synthetic-kernel.ts';
import { VmcoreError } from '../base/errors.ts';
import { asVaddr } from '../base/units.ts';
import { openCrashedKernel } from './crashed-kernel.ts';
import { openKallsyms } from './symbols/kallsyms.ts';
import { scanKallsyms } from './symbols/kallsyms-scan.ts';
import { Btf } from './types/btf.ts';
import { typeName } from './types/type-names.ts';
import { sizeOf } from './types/types.ts';
import { jsonOf, readValue } from './types/value.ts';
import { valueText } from './types/value-text.ts';

/** Runs what may fail in our own way only. */
function survives(run: () => void): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof VmcoreError, String(error));
  }
}

/** A place in a table, and what is written there. */
const smashes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)), {
  minLength: 1,
  maxLength: 12,
});

const encodings = ['absolute', 'absolute-percpu', 'base-relative', 'place-relative'] as const;

/** Where all tables are, physical. */
function kallsymsMachine(options: KallsymsOptions) {
  const kernel = new SyntheticKernel();
  const stext = kernel.placeVariable(new Uint8Array(0x1000));
  const symbols: SymbolSpec[] = [
    { name: '_stext', address: stext },
    ...Array.from({ length: 600 }, (_, i) => ({
      name: `kernel_fn_${i}`,
      address: stext + BigInt(4 * i + 4),
    })),
  ];
  const start = kernel.allocatedEnd;
  placeKallsyms(kernel, symbols, options);
  return { kernel, stext, start, length: kernel.allocatedEnd - start };
}

describe('kallsyms of any bytes', () => {
  for (const encoding of encodings) {
    for (const told of ['by-vmcoreinfo', 'nowhere'] as const) {
      it(`answers or is refused (${encoding}, told ${told})`, () => {
        fc.assert(
          fc.property(smashes, (places) => {
            const { kernel, stext, start, length } = kallsymsMachine({ encoding, told });
            for (const [at, byte] of places) kernel.memory.put(start + (at % length), Uint8Array.of(byte));
            survives(() => {
              const opened = kernel.kernel();
              const symbols = told === 'nowhere' ? scanKallsyms(opened) : openKallsyms(opened);
              if (symbols === undefined) return;
              assert.ok([...symbols].length <= 2 ** 22);
              for (const offset of [0n, 5n, 2000n, 5000n]) symbols.lookup(asVaddr(stext + offset));
              assert.ok([...symbols.all('kernel_fn_5')].length <= symbols.count);
            });
          }),
          { numRuns: 25 },
        );
      });
    }
  }

  it('with a count, tokens or lengths that are absurd is refused at once', () => {
    const { kernel } = kallsymsMachine({});
    for (const key of ['num_syms', 'names', 'token_table', 'token_index', 'offsets', 'relative_base']) {
      for (const address of [0n, 0xffff_ffff_ffff_fff8n, directMap, 0xffff_8880_0080_0000n]) {
        const changed = new SyntheticKernel();
        Object.assign(changed.info, kernel.info, { [`SYMBOL(kallsyms_${key})`]: address.toString(16) });
        const dump = { ...kernel.dump(), vmcoreinfo: changed.dump().vmcoreinfo };
        survives(() => void openCrashedKernel(dump).symbols.kallsyms());
      }
    }
  });

  it('that is damaged costs no symbol of vmcoreinfo, and the reason is told', () => {
    const { kernel } = kallsymsMachine({ broken: 'markers' });
    kernel.addInfo({ 'SYMBOL(init_task)': directMap });
    const { symbols } = openCrashedKernel(kernel.dump());
    assert.equal(symbols.address('init_task'), directMap);
    assert.equal(symbols.address('kernel_fn_5'), undefined);
    assert.match(symbols.troubles.join(), /^the symbols of the kernel: its kallsyms make no sense/);
  });
});

describe('types of any bytes', () => {
  /** Records with names, so that most of what is smashed is looked at. */
  const sample = (): Uint8Array => {
    const btf = new BtfBuilder();
    const int = btf.int('int', 4, 'signed');
    const char = btf.int('char', 1);
    const list = btf.struct('list_head', 16, [{ name: 'next', type: btf.pointer(btf.nextId), at: 0 }]);
    const union = btf.union('', 8, [{ name: 'text', type: btf.array(char, 8), at: 0 }]);
    btf.typedef('list_t', list);
    btf.enumeration('color', { RED: 1 });
    btf.struct('task_struct', 40, [
      { name: 'bits', type: int, at: 0, bits: 3 },
      { name: '', type: union, at: 64 },
      { name: 'lists', type: btf.array(list, 1), at: 128 },
    ]);
    return btf.bytes();
  };

  it('give values or an error', () => {
    const made = new CKernel(new CTypes('struct list_head { struct list_head *next; };'));
    const memory = made.space(4096, 4096);
    const { kernel } = made.crashed();
    fc.assert(
      fc.property(smashes, (places) => {
        const bytes = sample();
        for (const [at, byte] of places) bytes[24 + (at % (bytes.length - 24))] = byte;
        survives(() => {
          const btf = new Btf(bytes, 'test');
          for (const name of ['task_struct', 'list_head', 'list_t', 'color']) {
            const type = btf.struct(name) ?? btf.typedef(name) ?? btf.enumeration(name);
            if (type === undefined) continue;
            typeName(type);
            sizeOf(type);
            const value = readValue(kernel, type, memory);
            JSON.stringify(jsonOf(value));
            valueText(value, () => '');
          }
        });
      }),
      { numRuns: 400 },
    );
  });

  it('that contain themselves, or are endless, end', () => {
    const made = new CKernel(new CTypes('struct list_head { struct list_head *next; };'));
    const memory = made.space(4096, 4096);
    const { kernel } = made.crashed();
    const btf = new BtfBuilder();
    const self = btf.nextId;
    btf.struct('self', 8, [
      { name: 'a', type: self, at: 0 },
      { name: 'b', type: self, at: 0 },
    ]);
    const nothing = btf.struct('nothing', 0, []);
    btf.typedef('endless', btf.array(nothing, 0xffff_ffff));
    btf.typedef('round', btf.nextId);
    const types = new Btf(btf.bytes(), 'test');
    const read = (type: Parameters<typeof readValue>[1] | undefined): void =>
      survives(() => void readValue(kernel, type!, memory));
    const started = performance.now();
    read(types.struct('self'));
    read(types.typedef('endless'));
    read(types.typedef('round'));
    assert.ok(performance.now() - started < 20_000);
  });
});

describe('symbols of a module of any bytes', () => {
  it('are answered or refused, and other symbols are there', () => {
    fc.assert(
      fc.property(smashes, (places) => {
        const made = moduleKernel('mem');
        const table = made.kernel.kernel().readPointer(asVaddr(made.alpha + 400n));
        for (const [at, byte] of places)
          made.kernel.memory.put(Number(table - directMap) + (at % 32), Uint8Array.of(byte));
        const { symbols } = openCrashedKernel(made.kernel.dump());
        symbols.lookup(asVaddr(alphaText + 0x18n));
        assert.ok([...symbols.find('_stext')].length > 0);
        assert.ok([...symbols].length < 2 ** 21);
      }),
      { numRuns: 60 },
    );
  });
});
