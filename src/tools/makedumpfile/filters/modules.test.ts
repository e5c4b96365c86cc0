/** Modules in erase commands and in filters. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import {
  alphaData,
  alphaSymbols,
  alphaText,
  betaText,
  moduleKernel,
} from '../../../../test/support/module-kernel.ts';
import { directMap } from '../../../../test/support/synthetic-kernel.ts';
import { MemorySource } from '../../../base/byte-source.ts';
import { findBtf } from '../../../kernel/types/btf-scan.ts';
import { layoutsOf } from '../../../kernel/types/layouts.ts';
import { CrashedKernel } from './filter-kernel.ts';
import type { FilterPlan } from './plan.ts';
import { planFilters } from './plan-filters.ts';

const made = moduleKernel('mem');
const { table, pointer, key, init } = alphaSymbols;

async function plan(text: string): Promise<FilterPlan> {
  const eraseConfig = new MemorySource(new TextEncoder().encode(text), 'f.conf');
  const found = await planFilters({ modules: [], eraseConfig }, made.kernel.dump(), () => undefined);
  return found!;
}
const erased = ({ erased: { X } }: FilterPlan): [start: number, length: number][] =>
  Array.from(X, ({ start, end }) => [start, end - start]);

describe('erase commands in the section of a module', () => {
  const cases: [string, string, [number, number][]][] = [
    ['a variable of which only the size is known', `erase ${table}`, [[made.dataAt, 24]]],
    ['a member, by a type of the module', `erase (alpha_secret)${key}.key`, [[made.dataAt + 0x40, 16]]],
    [
      'the string behind a pointer',
      `erase (char*)${pointer}`,
      [[Number(made.string - directMap), 'a secret of alpha'.length]],
    ],
    ['a type of vmlinux', `erase (task_struct)${table}.pid`, [[made.dataAt, 4]]],
  ];
  for (const [what, text, expected] of cases) {
    it(what, async () => {
      const found = await plan(`[alpha]\n${text}`);
      assert.deepEqual(erased(found), expected);
      assert.deepEqual(found.remarks, []);
    });
  }

  it('end with the next section', async () => {
    const found = await plan(`[alpha]\nerase ${table}\n[vmlinux]\nerase (task_struct)modules.pid`);
    assert.deepEqual(
      erased(found),
      [
        [Number(made.modules - directMap), 4],
        [made.dataAt, 24],
      ].sort(([a], [b]) => a! - b!),
    );
    await assert.rejects(
      plan(`[alpha]\n[vmlinux]\nerase ${table}`),
      failsWith('E_NO_INFO', new RegExp(`the kernel has no symbol ${table}`)),
    );
  });

  it('do nothing when it was not loaded, and say so', async () => {
    const found = await plan(`erase (task_struct)modules.pid\n[delta]\nerase ${table}\n`);
    assert.deepEqual(found.remarks, ['f.conf:2: module delta was not loaded: nothing to erase']);
  });

  it('are refused where nothing tells what they name', async () => {
    const refused: [string, RegExp][] = [
      ['[alpha]\nerase nonsense', /module alpha has no symbol nonsense/],
      ['[alpha]\nerase modules', /module alpha has no symbol modules/],
      // It may be a pointer, whose data is elsewhere.
      [`[alpha]\nerase ${pointer}`, new RegExp(`what the variable ${pointer} is`)],
      ['[alpha]\nerase (nothing)alpha_table', /what nothing is/],
      // Types of alpha are none of beta's.
      ['[be_ta]\nerase (alpha_secret)beta_run', /what alpha_secret is/],
    ];
    for (const [text, what] of refused) await assert.rejects(plan(text), failsWith('E_NO_INFO', what), text);
  });
});

describe('modules, for filters', () => {
  const opened = made.kernel.kernel();
  const kernel = new CrashedKernel(opened, layoutsOf(opened), () => findBtf(opened));
  const alpha = kernel.module('alpha')!;

  it('are those that were loaded', () => {
    assert.deepEqual(
      kernel.modules().map(({ name }) => name),
      ['be_ta', 'alpha'],
    );
    assert.equal(kernel.module('delta'), undefined);
    assert.deepEqual(alpha.memory, [
      { from: alphaText, to: alphaText + 0x2000n },
      { from: alphaData, to: alphaData + 0x2000n },
    ]);
  });

  it('have symbols and types', () => {
    assert.equal(alpha.symbol(key), alphaData + 0x40n);
    assert.equal(alpha.findSymbol('nonsense'), undefined);
    assert.throws(
      () => alpha.symbol('nonsense'),
      failsWith('E_NO_INFO', /module alpha has no symbol nonsense/),
    );
    assert.equal(alpha.struct('alpha_secret', alpha.symbol(key)).addressOf('next'), alphaData + 0x50n);
    assert.ok(alpha.hasStruct('task_struct') && !alpha.hasStruct('nonsense'));
    assert.ok(!kernel.hasStruct('alpha_secret') && !kernel.module('be_ta')?.hasStruct('alpha_secret'));
    assert.throws(
      () => alpha.struct('nonsense', 0n),
      failsWith('E_NO_INFO', /struct nonsense of module alpha/),
    );
  });

  it('are named by their addresses', () => {
    assert.deepEqual(kernel.symbolAt(alphaText + 0x14n), { name: init, offset: 4n, module: 'alpha' });
    assert.deepEqual(kernel.symbolAt(betaText), { name: 'beta_run', offset: 0n, module: 'be_ta' });
    assert.equal(kernel.symbolAt(betaText + 0x2000n), undefined);
  });
});
