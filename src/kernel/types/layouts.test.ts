import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { btfOf } from '../../../test/support/small-vmlinux.ts';
import { Vmcoreinfo } from '../vmcoreinfo.ts';
import { Btf } from './btf.ts';
import { Layouts } from './layouts.ts';
import type { TypeSource } from './types.ts';

const source = (name: string, structs: Parameters<typeof btfOf>[0]): TypeSource => {
  const btf = new Btf(btfOf(structs), name);
  return {
    name,
    struct: (tag) => btf.struct(tag),
    enumeration: (tag) => btf.enumeration(tag),
    typedef: (tag) => btf.typedef(tag),
    variable: (tag) => btf.variable(tag),
  };
};

const info = new Vmcoreinfo(
  'SIZE(page)=64\nOFFSET(page.flags)=0\nLENGTH(zone.free_area)=11\nNUMBER(PG_lru)=4\n',
  'dump',
);
const first = source('BTF', {
  structs: {
    name: { size: 16, members: { release: 8 } },
    page: { size: 128, members: { flags: 8, lru: 24 } },
    zone: { size: 500, members: { free_area: { at: 100, length: 10 }, lock: { at: 9, length: 3 } } },
    uts: { size: 32, members: { names: { at: 4, struct: 'name' } } },
  },
  enums: { pageflags: { PG_lru: 5, PG_head: 16 } },
  typedefs: { atomic_t: { size: 4, members: { counter: 0 } } },
});
const second = source('DWARF', { structs: { only: { size: 7, members: { here: 3 } } } });

describe('layouts', () => {
  it('come from vmcoreinfo, else from the first types that know, and tell from where', () => {
    const layouts = new Layouts('dump', info, [() => first, () => second]);
    assert.equal(layouts.size('page'), 64);
    assert.equal(layouts.offset('page.flags'), 0);
    assert.equal(layouts.offset('page.lru'), 24);
    assert.equal(layouts.length('zone.free_area'), 11);
    assert.equal(layouts.length('zone.lock'), 3);
    assert.equal(layouts.enumValue('pageflags', 'PG_lru'), 4);
    assert.equal(layouts.enumValue('pageflags', 'PG_head'), 16);
    assert.equal(layouts.offset('only.here'), 3);
    assert.deepEqual(
      [...layouts.answeredBy],
      [
        ['size page', 'vmcoreinfo'],
        ['offset page.flags', 'vmcoreinfo'],
        ['offset page.lru', 'BTF'],
        ['length zone.free_area', 'vmcoreinfo'],
        ['length zone.lock', 'BTF'],
        ['enum pageflags.PG_lru', 'vmcoreinfo'],
        ['enum pageflags.PG_head', 'BTF'],
        ['offset only.here', 'DWARF'],
      ],
    );
  });

  it('go through members and typedefs', () => {
    const layouts = new Layouts('dump', undefined, [() => first]);
    assert.equal(layouts.offset('uts.names.release'), 12);
    assert.equal(layouts.member('uts.names.release')?.member.name, 'release');
    assert.equal(layouts.size('atomic_t'), 4);
    assert.equal(layouts.offset('atomic_t.counter'), 0);
    assert.equal(layouts.struct('atomic_t')?.size, 4);
    for (const path of ['uts.names.version', 'uts', 'nothing.at', 'uts.', '.names'])
      assert.equal(layouts.offset(path), undefined, path);
    assert.equal(layouts.length('uts.names'), undefined);
  });

  it('open no source before it is needed, and each once', () => {
    const opened: string[] = [];
    const layouts = new Layouts('dump', info, [
      () => {
        opened.push('none');
        return undefined;
      },
      () => {
        opened.push('BTF');
        return first;
      },
    ]);
    layouts.size('page');
    assert.deepEqual(opened, []);
    layouts.size('zone');
    layouts.size('zone');
    layouts.size('nothing');
    assert.deepEqual(opened, ['none', 'BTF']);
  });

  it('that nobody knows are an error that says how to get them', () => {
    const layouts = new Layouts('dump', info, []);
    assert.equal(layouts.requireSize('page'), 64);
    assert.throws(() => layouts.requireOffset('page.lru'), failsWith('E_NO_INFO', /offset of page\.lru/));
    assert.throws(() => layouts.requireSize('zone'), failsWith('E_NO_INFO', /size of zone/));
  });
});
