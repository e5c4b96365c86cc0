import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BtfBuilder } from '../../../test/support/btf-bytes.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { VmcoreError } from '../../base/errors.ts';
import { Btf, parseBtfHeader } from './btf.ts';
import { findMember, findPath, sizeOf, unaliased } from './types.ts';

/** struct outer { long a; union { int x; struct { short y, z; }; }; struct inner in; unsigned p:3, q:7; char tail[]; }; */
function sample(): { builder: BtfBuilder; outer: number } {
  const builder = new BtfBuilder();
  const long = builder.int('long', 8, 'signed');
  const int = builder.int('int', 4, 'signed');
  const short = builder.int('short', 2, 'signed');
  const char = builder.int('char', 1);
  const pair = builder.struct('', 4, [
    { name: 'y', type: short, at: 0 },
    { name: 'z', type: short, at: 16 },
  ]);
  const choice = builder.union('', 4, [
    { name: 'x', type: int, at: 0 },
    { name: '', type: pair, at: 0 },
  ]);
  const longs = builder.array(long, 5);
  const inner = builder.struct('inner', 40, [{ name: 'list', type: longs, at: 0 }]);
  const innerT = builder.typedef('inner_t', inner);
  const constInner = builder.record(10, '', innerT);
  const flexible = builder.array(char, 0);
  const outer = builder.struct('outer', 64, [
    { name: 'a', type: long, at: 0 },
    { name: '', type: choice, at: 64 },
    { name: 'in', type: constInner, at: 128 },
    { name: 'p', type: int, at: 448, bits: 3 },
    { name: 'q', type: int, at: 451, bits: 7 },
    { name: 'tail', type: flexible, at: 480 },
  ]);
  return { builder, outer };
}

const open = (builder: BtfBuilder): Btf => new Btf(builder.bytes(), 'test');

describe('BTF', () => {
  it('lays out structures, also through members without a name', () => {
    const outer = open(sample().builder).struct('outer')!;
    assert.equal(outer.size, 64);
    const offset = (name: string): number | undefined => findMember(outer, name)?.offset;
    assert.deepEqual(['a', 'x', 'y', 'z', 'in', 'tail', 'list', 'nothing', ''].map(offset), [
      0,
      8,
      8,
      10,
      16,
      60,
      undefined,
      undefined,
      undefined,
    ]);
    assert.equal(findPath(outer, 'in.list')?.offset, 16);
    assert.equal(findPath(outer, 'a.list'), undefined);
  });

  it('tells where in which byte a bit field is', () => {
    const outer = open(sample().builder).struct('outer')!;
    assert.deepEqual(findMember(outer, 'p')?.member.bits, { offset: 0, size: 3 });
    assert.equal(findMember(outer, 'p')?.offset, 56);
    assert.deepEqual(findMember(outer, 'q')?.member.bits, { offset: 3, size: 7 });
    assert.equal(findMember(outer, 'q')?.offset, 56);
    assert.equal(findMember(outer, 'a')?.member.bits, undefined);
  });

  it('tells the largest offset that fits beside a width', () => {
    const builder = new BtfBuilder();
    const int = builder.int('int', 4);
    builder.struct('large', 2 ** 21, [{ name: 'last', type: int, at: 2 ** 24 - 3, bits: 3 }]);
    const { offset, member } = findMember(open(builder).struct('large')!, 'last')!;
    assert.deepEqual([offset, member.bits], [2 ** 21 - 1, { offset: 5, size: 3 }]);
  });

  it('follows typedefs and qualifiers to sizes and lengths', () => {
    const btf = open(sample().builder);
    assert.equal(sizeOf(btf.typedef('inner_t')!), 40);
    const list = unaliased(findPath(btf.struct('outer')!, 'in.list')!.member.type());
    assert.ok(list.kind === 'array' && list.length === 5);
    assert.equal(sizeOf(list), 40);
  });

  it('reads enums of both widths, with the sign that they say', () => {
    const builder = new BtfBuilder();
    builder.enumeration('small', { A: 0, B: 23 });
    builder.enumeration('minus', { C: -1 }, 1);
    builder.enumeration('top', { D: 0xffff_ffff });
    builder.enum64('wide', { E: 1n << 40n, F: 0xffff_ffff_ffff_ffffn });
    builder.enum64('wider', { G: -2n }, 1);
    const btf = open(builder);
    const values = (name: string): Record<string, bigint> =>
      Object.fromEntries(btf.enumeration(name)!.values());
    assert.deepEqual(values('small'), { A: 0n, B: 23n });
    assert.deepEqual(values('minus'), { C: -1n });
    assert.deepEqual(values('top'), { D: 0xffff_ffffn });
    assert.deepEqual(values('wide'), { E: 1n << 40n, F: 0xffff_ffff_ffff_ffffn });
    assert.deepEqual(values('wider'), { G: -2n });
  });

  it('keeps apart a struct, an enum and a typedef of one name, and takes no declaration for a definition', () => {
    const builder = new BtfBuilder();
    const int = builder.int('int', 4);
    builder.record(7, 'same', 0); // struct same;
    builder.typedef('same', int);
    builder.enumeration('same', { ONE: 1 });
    builder.struct('same', 4, []);
    const btf = open(builder);
    assert.equal(btf.struct('same')?.size, 4);
    assert.equal(sizeOf(btf.typedef('same')!), 4);
    assert.equal(btf.enumeration('same')?.values().get('ONE'), 1n);
    assert.equal(btf.struct('sam'), undefined);
    assert.equal(btf.struct('samesame'), undefined);
    assert.equal(btf.struct(''), undefined);
  });

  it('steps over every kind there is', () => {
    const builder = new BtfBuilder();
    const int = builder.int('int', 4);
    builder.pointer(int);
    builder.record(9, '', int);
    builder.record(11, '', int);
    const prototype = builder.record(13, '', int, [0, int], 1);
    builder.record(12, 'function', prototype);
    const variable = builder.record(14, 'per_cpu_thing', int, [1]);
    builder.record(15, '.data..percpu', 4, [variable, 0, 4], 1);
    builder.record(16, 'double', 8);
    builder.record(17, 'tag', int, [0xffff_ffff]);
    builder.record(18, 'user', int);
    builder.enum64('wide', { A: 1n });
    builder.struct('last', 8, []);
    const btf = open(builder);
    assert.equal(btf.struct('last')?.size, 8);
    assert.equal(sizeOf(btf.variable('per_cpu_thing')!), 4);
  });

  it('of a module goes on where the one of vmlinux ends', () => {
    const { builder, outer } = sample();
    const base = open(builder);
    const split = new BtfBuilder(builder);
    const pointer = split.pointer(outer);
    split.struct('in_module', 16, [
      { name: 'link', type: pointer, at: 0 },
      { name: 'whole', type: outer, at: 64 },
    ]);
    const module = new Btf(split.bytes(), 'module', base);
    const struct = module.struct('in_module')!;
    assert.equal(findPath(struct, 'whole.z')?.offset, 18);
    assert.equal(module.struct('outer')?.size, 64);
    assert.equal(base.struct('in_module'), undefined);
  });

  it('of a module are found by their names, whosever strings those are in', () => {
    const builder = new BtfBuilder();
    builder.struct('first', 8, [{ name: 'a_member', type: builder.int('int', 4), at: 0 }]);
    const split = new BtfBuilder(builder);
    // At the very beginning of the module's strings; and in those of its base, where a member has the name.
    split.struct('own', 16, []);
    split.struct('a_member', 24, []);
    const base = open(builder);
    const module = new Btf(split.bytes(), 'module', base);
    assert.equal(module.struct('own')?.size, 16);
    assert.equal(module.struct('a_member')?.size, 24);
    assert.equal(base.struct('a_member'), undefined);
    assert.equal(module.struct(''), undefined);
  });

  it('of a big-endian machine reads the same', () => {
    const btf = new Btf(sample().builder.bytes(false), 'test');
    assert.equal(findMember(btf.struct('outer')!, 'z')?.offset, 10);
  });

  it('that is damaged is E_CORRUPT, or reads on, and never hangs', () => {
    const good = sample().builder.bytes();
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(flips, fc.nat(good.length), (changes, cut) => {
        const bytes = good.slice(0, cut % 3 === 0 ? cut : good.length);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const btf = new Btf(bytes, 'test');
          for (let id = 1; id < btf.endId; id++) sizeOf(btf.type(id));
          const outer = btf.struct('outer');
          if (outer !== undefined) for (const name of ['x', 'z', 'q', 'missing']) findMember(outer, name);
        } catch (error) {
          if (!(error instanceof VmcoreError)) throw error;
          assert.equal(error.code, 'E_CORRUPT');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('with types that contain themselves is E_CORRUPT', () => {
    const builder = new BtfBuilder();
    builder.typedef('loop', 1);
    builder.array(2, 2);
    builder.struct('nest', 8, [
      { name: '', type: 3, at: 0 },
      { name: '', type: 3, at: 0 },
    ]);
    const btf = open(builder);
    assert.throws(() => sizeOf(btf.typedef('loop')!), failsWith('E_CORRUPT', /without end/));
    assert.throws(() => sizeOf(btf.type(2)), failsWith('E_CORRUPT', /without end/));
    assert.throws(() => findMember(btf.struct('nest')!, 'x'), failsWith('E_CORRUPT', /without end/));
    assert.throws(() => btf.type(4), failsWith('E_CORRUPT', /does not exist/));
  });

  it('is told from other bytes by its header', () => {
    assert.equal(parseBtfHeader(new Uint8Array(24)), undefined);
    assert.equal(parseBtfHeader(Uint8Array.of(0x9f, 0xeb, 1)), undefined);
    assert.throws(() => new Btf(new Uint8Array(100), 'test'), failsWith('E_CORRUPT', /no BTF header/));
  });
});
