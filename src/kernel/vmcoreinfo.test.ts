import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../test/support/expect-error.ts';
import { VmcoreError } from '../base/errors.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';

const parse = (text: string): Vmcoreinfo => new Vmcoreinfo(text, 'test.vmcore');

describe('vmcoreinfo', () => {
  const info = parse(`OSRELEASE=6.1.0-56-amd64
BUILD-ID=eb4fbcd037e7253717950bf2b93bd5566f47c56f
PAGESIZE=4096
SYMBOL(swapper_pg_dir)=ffffffffa0e10000
SIZE(page)=64
OFFSET(page.flags)=0
OFFSET(page._mapcount)=48
LENGTH(zone.free_area)=11
NUMBER(phys_base)=-62914560
NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129
NUMBER(kimage_voffset)=0xffffdce29c200000
NUMBER(PG_lru)=4
KERNELOFFSET=1e400000
CRASHTIME=1795305331
`);

  it('answers by name', () => {
    assert.equal(info.text('OSRELEASE'), '6.1.0-56-amd64');
    assert.equal(info.text('KERNELOFFSET'), '1e400000');
    assert.equal(info.symbol('swapper_pg_dir'), 0xffff_ffff_a0e1_0000n);
    assert.equal(info.size('page'), 64);
    assert.equal(info.offset('page.flags'), 0);
    assert.equal(info.length('zone.free_area'), 11);
    assert.equal(info.smallNumber('PG_lru'), 4);
  });

  it('has numbers below zero, and hexadecimal ones', () => {
    assert.equal(info.number('phys_base'), -62914560n);
    assert.equal(info.smallNumber('PAGE_BUDDY_MAPCOUNT_VALUE'), -129);
    assert.equal(info.number('kimage_voffset'), 0xffff_dce2_9c20_0000n);
  });

  it('answers nothing for what is not there, and names it where it is needed', () => {
    assert.equal(info.text('SYMBOL(nothing)'), undefined);
    assert.equal(info.symbol('nothing'), undefined);
    assert.equal(info.number('nothing'), undefined);
    const missing: [RegExp, () => unknown][] = [
      [/no SYMBOL\(prb\)/, () => info.requireSymbol('prb')],
      [/no SIZE\(prb_desc\)/, () => info.requireSize('prb_desc')],
      [/no OFFSET\(page.lru\)/, () => info.requireOffset('page.lru')],
      [/no NUMBER\(PG_slab\)/, () => info.requireNumber('PG_slab')],
    ];
    for (const [what, ask] of missing) assert.throws(ask, failsWith('E_NO_INFO', what));
    assert.throws(
      () => info.requireSymbol('prb'),
      (error) => error instanceof VmcoreError && error.file === 'test.vmcore',
    );
  });

  it('keeps what it does not understand as text, and does not guess numbers from it', () => {
    const odd = parse(
      'no equals sign\n=empty key\nA=b=c\nSIZE(x)=12kB\nSIZE(y)=\nOFFSET(z)=-1\nNUMBER(n)=0xzz\nNUMBER(m)=1 2\nSYMBOL(s)=xyz\nSYMBOL(t)=\n\n\n',
    );
    assert.equal(odd.text('A'), 'b=c');
    assert.equal(odd.text(''), undefined);
    assert.equal(odd.size('x'), undefined);
    assert.equal(odd.size('y'), undefined);
    assert.equal(odd.offset('z'), undefined);
    assert.equal(odd.number('n'), undefined);
    assert.equal(odd.number('m'), undefined);
    assert.equal(odd.symbol('s'), undefined);
    assert.equal(odd.symbol('t'), undefined);
  });

  it('takes the last of two equal keys: a crash kernel appends its own', () => {
    assert.equal(parse('CRASHTIME=0\nCRASHTIME=7\n').text('CRASHTIME'), '7');
  });

  it('is quick about numbers of a million digits: they are none', () => {
    const digits = '9'.repeat(1_000_000);
    const long = parse(
      `NUMBER(a)=${digits}\nNUMBER(b)=0x${digits}\nSYMBOL(c)=${digits}\nSIZE(d)=${digits}\n`,
    );
    for (const value of [long.number('a'), long.number('b'), long.symbol('c'), long.size('d')]) {
      assert.ok(value === undefined);
    }
  });

  it('never throws anything but E_NO_INFO, whatever it contains', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (value) => {
        const odd = parse(
          `SIZE(x)=${value}\nNUMBER(x)=${value}\nSYMBOL(x)=${value}\nOFFSET(x)=${value}\n${value}`,
        );
        for (const ask of [
          () => odd.requireSize('x'),
          () => odd.requireNumber('x'),
          () => odd.requireSymbol('x'),
          () => odd.requireOffset('x'),
        ]) {
          try {
            ask();
          } catch (error) {
            failsWith('E_NO_INFO')(error);
          }
        }
      }),
    );
  });
});
