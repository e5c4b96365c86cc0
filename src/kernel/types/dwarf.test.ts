import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Die,
  DW_AT,
  DW_TAG,
  dwarfSections,
  type FormName,
  type UnitSpec,
} from '../../../test/support/dwarf-bytes.ts';
import { elfProgram, type SectionSpec } from '../../../test/support/elf-program.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { MemorySource } from '../../base/byte-source.ts';
import { VmcoreError } from '../../base/errors.ts';
import { unpackWhole } from '../../codecs/native-inflate.ts';
import { openElfSections } from '../../formats/elf-sections.ts';
import { Dwarf } from './dwarf.ts';
import { findMember, findPath, sizeOf, unaliased } from './types.ts';

const open = (sections: readonly SectionSpec[]): Dwarf =>
  new Dwarf(openElfSections(new MemorySource(elfProgram({ sections }), 'vmlinux'), unpackWhole));
const openUnits = (...units: readonly UnitSpec[]): Dwarf => open(dwarfSections(units));

/** How one compiler writes names, sizes and references. */
interface Dialect {
  readonly name: string;
  readonly version: 2 | 3 | 4 | 5;
  readonly text: FormName;
  readonly number: FormName;
  readonly reference: FormName;
  readonly sibling: boolean;
}

const dialects: readonly Dialect[] = [
  { name: 'gcc -gdwarf-5', version: 5, text: 'strp', number: 'data1', reference: 'ref4', sibling: true },
  { name: 'clang -gdwarf-5', version: 5, text: 'strx1', number: 'data1', reference: 'ref4', sibling: false },
  { name: 'gcc -gdwarf-4', version: 4, text: 'strp', number: 'data2', reference: 'ref4', sibling: true },
  { name: 'short names', version: 4, text: 'string', number: 'udata', reference: 'ref_udata', sibling: true },
  { name: 'old', version: 3, text: 'string', number: 'data4', reference: 'ref4', sibling: false },
  {
    name: 'link-time optimised',
    version: 5,
    text: 'line_strp',
    number: 'implicit_const',
    reference: 'ref_addr',
    sibling: true,
  },
  {
    name: 'odd forms',
    version: 5,
    text: 'strp',
    number: 'indirect_data1',
    reference: 'ref_addr',
    sibling: false,
  },
];

/** struct outer { long a; union { int x; struct { short y, z; }; }; inner_t in; unsigned p:3, q:7; long grid[3][4]; char tail[]; }; */
function entries({ text, number, reference, sibling }: Dialect): Die[] {
  const name = (value: string) => [DW_AT.name, text, value] as const;
  const size = (value: number) => [DW_AT.byteSize, number, value] as const;
  const type = (label: string) => [DW_AT.type, reference, label] as const;
  const at = (value: number) => [DW_AT.location, number, value] as const;
  const member = (label: string, of: string, place: number): Die => ({
    tag: DW_TAG.member,
    attributes: [...(label === '' ? [] : [name(label)]), type(of), at(place)],
  });
  const bits = (label: string, place: number, width: number): Die => ({
    tag: DW_TAG.member,
    attributes: [
      name(label),
      type('int'),
      [DW_AT.bitSize, 'data1', width],
      [DW_AT.dataBitOffset, 'data2', place],
    ],
  });
  const base = (label: string, bytes: number, encoding: number): Die => ({
    tag: DW_TAG.base,
    label,
    attributes: [size(bytes), [DW_AT.encoding, 'data1', encoding], name(label)],
  });
  const struct = (
    label: string,
    bytes: number,
    children: readonly Die[],
    named = true,
    tag: number = DW_TAG.structure,
  ): Die => ({
    tag,
    label,
    sibling,
    attributes: [...(named ? [name(label)] : []), size(bytes)],
    children,
  });
  const array = (label: string, of: string, ...dimensions: readonly Die[]): Die => ({
    tag: DW_TAG.array,
    label,
    sibling,
    attributes: [type(of)],
    children: dimensions,
  });
  const upTo = (bound: number): Die => ({
    tag: DW_TAG.subrange,
    attributes: [[DW_AT.upperBound, 'data1', bound]],
  });
  return [
    // What a kernel is full of: functions, with a struct inside that is not the one that is meant.
    {
      tag: DW_TAG.subprogram,
      sibling,
      attributes: [
        name('function'),
        [0x11, 'addr', 0x1000],
        [0x40, 'exprloc', [0x9c]],
        [0x3b, 'block1', [1, 2, 3]],
      ],
      children: [
        struct('local', 3, [{ tag: DW_TAG.member, attributes: [name('a'), at(0)] }]),
        { tag: DW_TAG.unit },
      ],
    },
    { tag: DW_TAG.structure, attributes: [name('outer'), [DW_AT.declaration, 'flag_present', 1]] },
    struct('outer', 200, [
      member('a', 'long', 0),
      member('', 'choice', 8),
      member('in', 'constant', 16),
      bits('p', 448, 3),
      bits('q', 451, 7),
      member('grid', 'grid', 64),
      member('tail', 'tail', 160),
    ]),
    struct('choice', 4, [member('x', 'int', 0), member('', 'pair', 0)], false, DW_TAG.union),
    struct('pair', 4, [member('y', 'short', 0), member('z', 'short', 2)], false),
    { tag: DW_TAG.const, label: 'constant', attributes: [type('inner_t')] },
    { tag: DW_TAG.typedef, label: 'inner_t', attributes: [name('inner_t'), type('inner')] },
    struct('inner', 40, [member('list', 'five', 0)]),
    array('five', 'long', { tag: DW_TAG.subrange, attributes: [[DW_AT.count, 'data1', 5]] }),
    array('grid', 'long', upTo(2), upTo(3)),
    array('tail', 'char', { tag: DW_TAG.subrange }),
    base('long', 8, 5),
    base('int', 4, 5),
    base('short', 2, 5),
    base('char', 1, 6),
    {
      tag: DW_TAG.enumeration,
      sibling,
      attributes: [name('flags'), size(4)],
      children: [
        { tag: DW_TAG.enumerator, attributes: [name('ZERO'), [DW_AT.constValue, 'data1', 0]] },
        { tag: DW_TAG.enumerator, attributes: [name('MINUS'), [DW_AT.constValue, 'sdata', -5]] },
        { tag: DW_TAG.enumerator, attributes: [name('LARGE'), [DW_AT.constValue, 'udata', 300]] },
      ],
    },
    { tag: DW_TAG.variable, attributes: [name('counter'), type('long'), [DW_AT.declaration, 'flag', 1]] },
    {
      tag: DW_TAG.variable,
      label: 'extern table',
      attributes: [name('table'), type('tail'), [DW_AT.declaration, 'flag_present', 1]],
    },
    { tag: DW_TAG.variable, attributes: [type('five'), [DW_AT.specification, reference, 'extern table']] },
  ];
}

const unit = (dialect: Dialect): UnitSpec => ({
  version: dialect.version,
  root: {
    tag: DW_TAG.unit,
    attributes: [
      [DW_AT.name, dialect.text, 'file.c'],
      ...(dialect.text === 'strx1' ? ([[DW_AT.strOffsetsBase, 'sec_offset', 8]] as const) : []),
    ],
    children: entries(dialect).map((die) =>
      // DWARF 2 and 3 count bits of a little-endian machine from the other end.
      dialect.version < 4 ? oldBits(die) : die,
    ),
  },
});

function oldBits(die: Die): Die {
  const children = die.children?.map(oldBits);
  const place = die.attributes?.find(([attribute]) => attribute === DW_AT.dataBitOffset)?.[2];
  const width = die.attributes?.find(([attribute]) => attribute === DW_AT.bitSize)?.[2];
  const kept = die.attributes?.filter(([attribute]) => attribute !== DW_AT.dataBitOffset) ?? [];
  const old =
    typeof place !== 'number' || typeof width !== 'number'
      ? kept
      : [
          ...kept,
          [DW_AT.location, 'data1', Math.floor(place / 32) * 4] as const,
          [DW_AT.byteSize, 'data1', 4] as const,
          [DW_AT.bitOffset, 'data1', 32 - (place % 32) - width] as const,
        ];
  return { ...die, attributes: old, ...(children === undefined ? {} : { children }) };
}

for (const dialect of dialects) {
  describe(`DWARF ${dialect.version} (${dialect.name})`, () => {
    const dwarf = openUnits(unit(dialect));

    it('lays out structures, also through members without a name', () => {
      const outer = dwarf.struct('outer')!;
      assert.equal(outer.size, 200);
      assert.deepEqual(
        ['a', 'x', 'y', 'z', 'in', 'grid', 'tail', 'list'].map((name) => findMember(outer, name)?.offset),
        [0, 8, 8, 10, 16, 64, 160, undefined],
      );
      assert.equal(findPath(outer, 'in.list')?.offset, 16);
    });

    it('tells where in which byte a bit field is', () => {
      const outer = dwarf.struct('outer')!;
      const place = (name: string) => [findMember(outer, name)?.offset, findMember(outer, name)?.member.bits];
      assert.deepEqual(place('p'), [56, { offset: 0, size: 3 }]);
      assert.deepEqual(place('q'), [56, { offset: 3, size: 7 }]);
    });

    it('knows typedefs, arrays of arrays and flexible arrays', () => {
      assert.equal(sizeOf(dwarf.typedef('inner_t')!), 40);
      const outer = dwarf.struct('outer')!;
      const type = (name: string) => unaliased(findMember(outer, name)!.member.type());
      const grid = type('grid');
      assert.ok(grid.kind === 'array' && grid.length === 3);
      assert.equal(sizeOf(grid), 96);
      assert.equal(sizeOf(type('tail')), 0);
    });

    it('reads the values of enums', () => {
      assert.deepEqual(
        [...dwarf.enumeration('flags')!.values()],
        [
          ['ZERO', 0n],
          ['MINUS', -5n],
          ['LARGE', 300n],
        ],
      );
    });

    it('finds the type of a variable, declared only or defined after its declaration', () => {
      assert.equal(sizeOf(dwarf.variable('counter')!), 8);
      assert.equal(sizeOf(dwarf.variable('table')!), 40);
    });

    it('takes neither declarations nor what is local to a function', () => {
      assert.equal(dwarf.struct('local'), undefined);
      assert.equal(dwarf.struct('nothing'), undefined);
      assert.equal(dwarf.variable('outer'), undefined);
    });
  });
}

const [gcc] = dialects as [Dialect, ...Dialect[]];

describe('DWARF of many units', () => {
  const struct = (name: string, size: number): Die => ({
    tag: DW_TAG.structure,
    attributes: [
      [DW_AT.name, 'strp', name],
      [DW_AT.byteSize, 'data1', size],
    ],
    children: [],
  });
  const root = (...children: readonly Die[]): Die => ({ tag: DW_TAG.unit, children });

  it('is searched in all of them, old and new ones mixed; the first definition counts', () => {
    const dwarf = openUnits(
      { version: 4, root: root(struct('first', 1), struct('both', 2)) },
      { version: 5, root: root(struct('both', 3), struct('second', 4)) },
      { version: 2, root: root(struct('third', 5)) },
    );
    dwarf.prepare(['struct first', 'struct both', 'struct third']);
    assert.deepEqual(
      ['first', 'both', 'second', 'third'].map((name) => dwarf.struct(name)?.size),
      [1, 2, 4, 5],
    );
  });

  it('gives the same for names that nobody announced, also those that several things share', () => {
    const shared = (tag: number, more: Die['attributes'] = []): Die => ({
      tag,
      attributes: [[DW_AT.name, 'strp', 'shared'], ...(more ?? [])],
      children: [],
    });
    const dwarf = openUnits(
      {
        version: 4,
        root: root(struct('first', 1), shared(DW_TAG.structure, [[DW_AT.declaration, 'flag_present', 1]])),
      },
      { version: 5, root: root(struct('shared', 3), struct('shared', 4), struct('first', 9)) },
      {
        version: 5,
        root: root(shared(DW_TAG.enumeration, [[DW_AT.byteSize, 'data1', 2]]), struct('last', 5)),
      },
    );
    // The first one is searched for alone, the second finds all.
    assert.equal(dwarf.struct('absent'), undefined);
    assert.deepEqual(
      ['first', 'shared', 'last', 'nothing'].map((name) => dwarf.struct(name)?.size),
      [1, 3, 5, undefined],
    );
    assert.equal(dwarf.enumeration('shared')?.size, 2);
    assert.equal(dwarf.typedef('shared'), undefined);
  });

  it('follows references into other units, and into partial ones', () => {
    const dwarf = openUnits(
      {
        version: 5,
        root: root({
          tag: DW_TAG.typedef,
          attributes: [
            [DW_AT.name, 'strp', 'alias_t'],
            [DW_AT.type, 'ref_addr', 'shared'],
          ],
        }),
      },
      {
        version: 5,
        root: { tag: DW_TAG.partialUnit, children: [{ ...struct('shared', 9), label: 'shared' }] },
      },
    );
    assert.equal(sizeOf(dwarf.typedef('alias_t')!), 9);
  });

  it('is not led in circles by a sibling that lies behind', () => {
    const loop: Die = {
      tag: DW_TAG.subprogram,
      label: 'loop',
      attributes: [[DW_AT.sibling, 'ref4', 'loop']],
      children: [struct('inside', 1)],
    };
    const dwarf = openUnits({ version: 5, root: root(loop, struct('after', 2)) });
    assert.equal(dwarf.struct('after')?.size, 2);
    assert.equal(dwarf.struct('inside'), undefined);
  });

  it('says nothing about a type that is in another file', () => {
    const dwarf = openUnits({
      version: 4,
      root: root({
        tag: DW_TAG.typedef,
        attributes: [
          [DW_AT.name, 'strp', 'far_t'],
          [DW_AT.type, 'ref_sig8', 77],
        ],
      }),
    });
    assert.equal(sizeOf(dwarf.typedef('far_t')!), undefined);
  });

  it('steps over units of versions to come', () => {
    const [info, ...rest] = dwarfSections([{ version: 5, root: root(struct('known', 6)) }]);
    const future = [7, 0, 0, 0, 9, 0, 1, 2, 3, 4, 5];
    // Abbreviations and references are relative to the unit, so that it may move.
    const data = Uint8Array.from([...future, ...info!.data]);
    assert.equal(open([{ name: '.debug_info', data }, ...rest]).struct('known')?.size, 6);
    assert.throws(
      () => open([{ name: '.debug_info', data: data.subarray(0, 8) }, ...rest]),
      failsWith('E_CORRUPT'),
    );
  });

  it('may be compressed', () => {
    for (const compress of ['zlib', 'zstd'] as const) {
      const sections = dwarfSections([unit(gcc)]).map((section) => ({ ...section, compress }));
      assert.equal(open(sections).struct('outer')?.size, 200);
    }
  });

  it('is missing from a stripped kernel, which is said', () => {
    assert.throws(() => open([]), failsWith('E_NO_INFO', /no DWARF/));
  });
});

describe('damaged DWARF', () => {
  const sections = dwarfSections([unit(gcc), unit(dialects[1]!), unit(dialects[3]!)]);
  const sizes = sections.map(({ data }) => data.length);
  const flip = fc
    .integer({ min: 0, max: 1 })
    .chain((section) => fc.tuple(fc.constant(section), fc.nat(sizes[section]! - 1), fc.nat(255)));

  it('is E_CORRUPT, or gives an answer, and never hangs', () => {
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 5 }), (flips) => {
        const damaged = sections.map((section) => ({ ...section, data: section.data.slice() }));
        for (const [section, at, value] of flips) damaged[section]!.data[at] = value;
        try {
          const dwarf = open(damaged);
          const outer = dwarf.struct('outer');
          if (outer !== undefined) for (const name of ['a', 'z', 'q', 'missing']) findPath(outer, name);
          for (const name of ['table', 'counter']) {
            const type = dwarf.variable(name);
            if (type !== undefined) sizeOf(type);
          }
          dwarf.enumeration('flags')?.values();
        } catch (error) {
          if (!(error instanceof VmcoreError)) throw error;
          assert.ok(error.code === 'E_CORRUPT' || error.code === 'E_TRUNCATED', error.toLine());
        }
      }),
      { numRuns: 1000 },
    );
  });
});
