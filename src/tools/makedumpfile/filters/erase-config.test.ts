import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { directMap } from '../../../../test/support/synthetic-kernel.ts';
import { type TypedKernel, typedKernel } from '../../../../test/support/typed-kernel.ts';
import { MemorySource } from '../../../base/byte-source.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { findBtf } from '../../../kernel/types/btf-scan.ts';
import type { Type, TypeSource } from '../../../kernel/types/types.ts';
import { parseEraseConfig } from './erase-config.ts';
import type { FilterPlan } from './plan.ts';
import { planFilters } from './plan-filters.ts';

const parse = (text: string): unknown => parseEraseConfig(text, 'f.conf').flatMap(({ commands }) => commands);

describe('erase commands', () => {
  it('are read over lines, sections and comments', () => {
    const text = `# nothing
erase a
[vmlinux] # the same
erase b.c.d size 25 erase e
   size 1K	# a tab
erase f nullify
erase (s1*)g.h size i.j
erase k size 2m
`;
    const name = (names: string[], line: number, cast?: object) => ({ names, cast, line });
    assert.deepEqual(parse(text), [
      { kind: 'erase', target: name(['a'], 2), size: { kind: 'type' } },
      { kind: 'erase', target: name(['b', 'c', 'd'], 4), size: { kind: 'bytes', bytes: 25 } },
      { kind: 'erase', target: name(['e'], 4), size: { kind: 'bytes', bytes: 1024 } },
      { kind: 'erase', target: name(['f'], 6), size: { kind: 'nullify' } },
      {
        kind: 'erase',
        target: name(['g', 'h'], 7, { type: 's1', isPointer: true }),
        size: { kind: 'expression', expression: name(['i', 'j'], 7) },
      },
      { kind: 'erase', target: name(['k'], 8), size: { kind: 'bytes', bytes: 2 ** 21 } },
    ]);
  });

  it('have loops over arrays, chains and lists', () => {
    const loops = parse(`for x in a.b
  erase x.c
endfor
for y in d via next erase y erase y.z nullify endfor
for z in e.next within s1:m.list
endfor
for z in e within s1
endfor`) as { via: unknown; within: unknown; body: unknown[] }[];
    assert.deepEqual(
      loops.map(({ via, within, body }) => [via, within, body.length]),
      [
        [undefined, undefined, 1],
        ['next', undefined, 2],
        [undefined, { struct: 's1', member: 'm.list' }, 0],
        [undefined, { struct: 's1', member: 'list' }, 0],
      ],
    );
  });

  it('that cannot be read are refused, with their line', () => {
    const cases: [string, number, RegExp][] = [
      ['erase', 1, /what to erase is missing/],
      ['\nerase size 5', 2, /what to erase is missing/],
      ['erase a\n\nb', 3, /"b" where erase or for should be/],
      ['erase a size', 1, /a size is missing/],
      ['erase a size -5', 1, /"-5" is no size/],
      ['erase a size 5G', 1, /"5G" is no size/],
      ['erase a..b', 1, /"a..b" is no SYMBOL/],
      ['erase a[1]', 1, /is no SYMBOL/],
      ['for x a', 1, /no "in"/],
      ['for x.y in a', 1, /no name for a variable/],
      ['for x in\nendfor', 2, /a list is missing/],
      ['for x in a via', 1, /member after via is missing/],
      ['for x in a within :b', 1, /no STRUCT:MEMBER/],
      ['\nfor x in a\nerase x', 2, /without its "endfor"/],
      ['for x in a\nerase y\nendfor', 2, /begins with its variable, "x"/],
      ['for x in a\nfor y in b\nendfor\nendfor', 2, /"for" in a loop/],
      ['[vmlinux\nerase a', 1, /without its "\]"/],
      ['[a b]\nerase a', 1, /not \[vmlinux\] or \[MODULE\]/],
      ['for x in a\n[ext4]\nerase x\nendfor', 1, /without its "endfor"/],
    ];
    for (const [text, line, what] of cases) {
      assert.throws(
        () => parse(text),
        (error) => failsWith('E_USAGE', what)(error) && (error as VmcoreError).file === `f.conf:${line}`,
        text,
      );
    }
  });

  it('belong to vmlinux or to a module', () => {
    const sections = parseEraseConfig(
      'erase a\n[ext4]\nerase b\nerase c\n[vmlinux]\n[a-b] # x\nerase d',
      'f',
    );
    assert.deepEqual(
      sections.map(({ module, line, commands }) => [module, line, commands.length]),
      [
        [undefined, 1, 1],
        ['ext4', 2, 2],
        ['a-b', 6, 1],
      ],
    );
  });
});

/** Types of variables, as DWARF would give them. */
const variables: Record<string, (types: TypeSource) => Type> = {
  secret_list: (types) => types.struct('list_head')!,
  the_vault: (types) => types.struct('vault')!,
  vault_pointer: (types) => ({ kind: 'pointer', size: 8, target: () => types.struct('vault')! }),
};

async function plan(text: string, typed: TypedKernel, withDebugInfo = true): Promise<FilterPlan> {
  const dump = typed.kernel.dump();
  const btf = findBtf(typed.kernel.kernel())!;
  const debugInfo: TypeSource = {
    name: 'DWARF',
    struct: () => undefined,
    enumeration: () => undefined,
    typedef: () => undefined,
    variable: (name) => variables[name]?.(btf),
  };
  const eraseConfig = new MemorySource(new TextEncoder().encode(text), 'f.conf');
  const found = await planFilters({ modules: [], eraseConfig }, dump, () =>
    withDebugInfo ? debugInfo : undefined,
  );
  return found!;
}

const typed = typedKernel();
/** What is erased, as [address, length], ascending. */
const ranges = (list: Iterable<{ start: number; end: number }>): [bigint, number][] =>
  Array.from(list, ({ start, end }) => [directMap + BigInt(start), end - start]);
const sorted = (list: [bigint, number][]): [bigint, number][] => list.sort(([a], [b]) => (a < b ? -1 : 1));

describe('erase commands mean', () => {
  const cases: [string, string, [bigint, number][], string][] = [
    [
      'a member, through pointers',
      'erase vault_pointer.first.inner.key',
      [[typed.secrets[1]! + 40n, 8]],
      'size 8',
    ],
    ['a size of its own', 'erase the_vault.names size 5', [[typed.vault + 44n, 5]], 'size 5'],
    ['all of an array', 'erase the_vault.names', [[typed.vault + 44n, 12]], 'size 12'],
    ['what a pointer points to', 'erase the_vault.first', [[typed.secrets[1]!, 80]], 'size 80'],
    ['the string behind a char pointer', 'erase the_vault.first.text', [[typed.texts[1]!, 13]], 'size 13'],
    [
      'a size from a member',
      'erase the_vault.first.data size the_vault.first.size',
      [[typed.data[1]!, 16]],
      'size 16',
    ],
    ['what was cast', 'erase (secret)secret_hash.list size 4', [[typed.hlistHead, 4]], 'size 4'],
    ['what was cast to a pointer', 'erase (vault*)vault_pointer.count', [[typed.vault + 40n, 4]], 'size 4'],
  ];
  for (const [what, text, expected, line] of cases) {
    it(what, async () => {
      const found = await plan(text, typed);
      assert.deepEqual(ranges(found.erased.X), expected);
      assert.match(found.eraseinfo, new RegExp(`^erase \\S+ ${line}\n$`));
      assert.deepEqual(found.remarks, []);
    });
  }

  it('the pointer itself, made null', async () => {
    const found = await plan('erase the_vault.first.data nullify', typed);
    assert.deepEqual(ranges(found.erased.zeros), [[typed.secrets[1]! + 32n, 8]]);
    assert.deepEqual([...found.erased.X], []);
    assert.equal(found.eraseinfo, 'erase the_vault.first.data nullify\n');
  });

  it('each element of a list, a chain, an array', async () => {
    const keys = (indices: number[]): [bigint, number][] =>
      sorted(indices.map((i) => [typed.secrets[i]! + 40n, 8]));
    const loops: [string, number[]][] = [
      ['secret_list.next within secret:list', [0, 1, 2]],
      ['secret_list within secret', [0, 1, 2]],
      ['secret_list.prev within secret:list', [0, 1, 2]],
      ['the_vault.first via next', [1, 2]],
      ['the_vault.first', [1, 2]],
      ['vault_pointer.slots', [0, 2]],
    ];
    for (const [list, indices] of loops) {
      const found = await plan(`for s in ${list}\n erase s.inner.key\nendfor`, typed);
      assert.deepEqual(ranges(found.erased.X), keys(indices), list);
      assert.equal(found.eraseinfo, 'erase s.inner.key size 8\n'.repeat(indices.length), list);
    }
    const data = await plan(
      'for s in secret_list.next within secret:list\nerase s.data size s.size\nendfor',
      typed,
    );
    assert.deepEqual(
      ranges(data.erased.X),
      typed.data.map((address, i) => [address, 8 * (i + 1)]),
    );
  });

  it('known variables without any debug information', async () => {
    const found = await plan('erase saved_command_line', typed, false);
    assert.equal(found.eraseinfo, 'erase saved_command_line size 19\n');
  });
});

describe('erase commands that cannot be carried out', () => {
  it('are refused with their line: nothing may be written then', async () => {
    const cases: [string, string, RegExp][] = [
      ['erase nonsense', 'E_NO_INFO', /no symbol nonsense/],
      ['erase secret_hash size 4', 'E_NO_INFO', /what the variable secret_hash is/],
      ['erase (nonsense)secret_hash', 'E_NO_INFO', /what nonsense is/],
      ['erase the_vault.nothing', 'E_NO_INFO', /struct vault has no member nothing/],
      ['erase the_vault.slots.size', 'E_USAGE', /an array: use a loop/],
      ['erase the_vault.count.size', 'E_USAGE', /no structure/],
      ['erase the_vault.first.data', 'E_USAGE', /how large .* is/],
      ['erase the_vault.count nullify', 'E_USAGE', /no pointer/],
      ['erase the_vault.first.data size the_vault.names', 'E_USAGE', /no integer/],
      ['for x in secret_list\nendfor', 'E_USAGE', /say within/],
      ['for x in secret_list within nothing:list\nendfor', 'E_NO_INFO', /struct nothing/],
      ['for x in secret_list within secret:inner\nendfor', 'E_USAGE', /no list_head/],
      ['for x in the_vault.count\nendfor', 'E_USAGE', /no array, list_head or structure/],
      ['for x in the_vault.first via text\nendfor', 'E_USAGE', /no pointer to a secret/],
      ['for x in the_vault.slots via next\nendfor', 'E_USAGE', /needs no via/],
    ];
    for (const [text, code, what] of cases) {
      await assert.rejects(plan(`# one\n${text}`, typed), (error) => {
        assert.ok(error instanceof VmcoreError, String(error));
        assert.deepEqual([error.code, error.file], [code, 'f.conf:2'], text);
        assert.match(error.message, what);
        return true;
      });
    }
  });

  it('because nothing is there are remarks, and the others are carried out', async () => {
    const broken = typedKernel();
    broken.kernel.memory.putU64(Number(broken.vault - directMap) + 32, 0n);
    const found = await plan('erase the_vault.first.text\nerase the_vault.count', broken);
    assert.equal(found.eraseinfo, 'erase the_vault.count size 4\n');
    assert.deepEqual(found.remarks, ['f.conf:1: a null pointer in the_vault.first.text: nothing to erase']);

    broken.kernel.memory.putU64(Number(broken.vault - directMap) + 32, 0xffff_c900_0000_0000n);
    const wild = await plan('erase the_vault.first.text\nerase the_vault.count', broken);
    assert.equal(wild.eraseinfo, 'erase the_vault.count size 4\n');
    assert.match(wild.remarks[0]!, /^f.conf:1: kernel address 0xffffc90000000018 is not mapped$/);
  });

  it('because a list has no end are refused', async () => {
    const broken = typedKernel();
    broken.kernel.memory.putU64(Number(broken.secrets[2]! - directMap) + 56, broken.secrets[2]!);
    await assert.rejects(
      plan('for s in the_vault.first via next\nerase s.inner.key\nendfor', broken),
      failsWith('E_CORRUPT', /without coming back/),
    );
  });
});
