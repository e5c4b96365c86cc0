import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { directMap } from '../../../test/support/synthetic-kernel.ts';
import { Missing } from '../missing.ts';
import { readMemoryAreas } from './address-space.ts';

const marks = 'unsigned long start_brk; unsigned long brk; unsigned long start_stack;';
const area = (
  links: string,
): string => `struct vm_area_struct { unsigned long vm_start; unsigned long vm_end; ${links}
  unsigned long vm_flags; unsigned long vm_pgoff; struct file *vm_file; void *vm_private_data; void *vm_ops; };`;
/** 5.10: a list and a red-black tree. 6.1: a maple tree. */
const forms = {
  '5.10': `struct rb_node { unsigned long parent; void *right; void *left; }; struct rb_root { void *rb_node; };
    struct mm_struct { struct vm_area_struct *mmap; struct rb_root mm_rb; ${marks} };
    ${area('struct vm_area_struct *vm_next; struct rb_node vm_rb;')}`,
  '6.1': `enum maple_type { maple_dense, maple_leaf_64, maple_range_64, maple_arange_64 };
    struct maple_range_64 { void *parent; unsigned long pivot[15]; void *slot[16]; };
    struct maple_arange_64 { void *parent; unsigned long pivot[9]; void *slot[10]; };
    struct maple_tree { int lock; void *ma_root; };
    struct kref { int refs; };
    struct anon_vma_name { struct kref kref; char name[8]; };
    struct vm_special_mapping { char *name; };
    struct vm_operations_struct { void *open; void *name; };
    struct mm_struct { struct maple_tree mm_mt; ${marks} };
    ${area('struct anon_vma_name *anon_name;')}`,
};
type Form = keyof typeof forms;

const ranges = [
  { start: 0x1000, end: 0x3000, flags: 0x5 },
  { start: 0x5000, end: 0x6000, flags: 0x3 },
  { start: 0x7000, end: 0x8000, flags: 0x83 },
  { start: 0x9000, end: 0xa000, flags: 0 },
];

class Space {
  readonly made: CKernel;
  readonly mm: bigint;
  readonly areas: readonly bigint[];

  constructor(form: Form) {
    this.made = new CKernel(new CTypes(forms[form]));
    const { made } = this;
    this.mm = made.place('mm_struct', { start_brk: 0x5000, brk: 0x5800, start_stack: 0x7800 });
    this.areas = ranges.map(({ start, end, flags }) => {
      const address = made.place('vm_area_struct', {}, 4096);
      made.set('vm_area_struct', address, { vm_start: start, vm_end: end, vm_flags: flags });
      return address;
    });
    const [a, b, c, d] = this.areas as [bigint, bigint, bigint, bigint];
    if (form === '6.1') {
      const leaf = made.space(256, 4096);
      const slots = [0n, a, 0n, b, 0n, c, 0n, d, 0n];
      [0xfff, 0x2fff, 0x4fff, 0x5fff, 0x6fff, 0x7fff, 0x8fff, 0x9fff, 0].forEach((pivot, i) => {
        made.set('maple_range_64', leaf, { [`pivot[${i}]`]: pivot, [`slot[${i}]`]: slots[i]! });
      });
      made.set('mm_struct', this.mm, { 'mm_mt.ma_root': leaf | 0xen });
      return;
    }
    const node = (address: bigint): bigint => made.member('vm_area_struct', address, 'vm_rb');
    made.set('mm_struct', this.mm, { mmap: a, 'mm_rb.rb_node': node(b) });
    made.set('vm_area_struct', a, { vm_next: b, 'vm_rb.parent': node(b) });
    made.set('vm_area_struct', b, { vm_next: c, 'vm_rb.left': node(a), 'vm_rb.right': node(c) });
    made.set('vm_area_struct', c, { vm_next: d, 'vm_rb.parent': node(b), 'vm_rb.right': node(d) });
    made.set('vm_area_struct', d, { 'vm_rb.parent': node(c) });
  }

  read(symbols: Record<string, bigint> = {}): { found: string[]; lines: readonly string[] } {
    const missing = new Missing();
    const crashed = this.made.crashed(symbols);
    const found = Array.from(
      readMemoryAreas(crashed, crashed.struct('mm_struct', this.mm), missing),
      ({ start, permissions, name }) => `${start.toString(16)} ${permissions} ${name}`.trimEnd(),
    );
    return { found, lines: missing.lines };
  }

  lose(address: bigint): void {
    this.made.kernel.memory.lose(Number(address - directMap) / 4096, 'excluded');
  }
}

const whole = ['1000 r-xp', '5000 rw-p [heap]', '7000 rw-s [stack]', '9000 ---p'];

for (const form of ['5.10', '6.1'] as const) {
  describe(`areas of memory, as ${form} has them`, () => {
    it('come in order, with permissions and names', () => {
      assert.deepEqual(new Space(form).read(), { found: whole, lines: [] });
    });

    it('of which one is not in the dump are told', () => {
      const space = new Space(form);
      space.lose(space.areas[3]!);
      const { found, lines } = space.read();
      assert.deepEqual(found, whole.slice(0, 3));
      assert.match(lines[0]!, /filtered out/);
    });
  });
}

describe('a list of areas', () => {
  it('that goes round is completed by the tree', () => {
    const space = new Space('5.10');
    space.made.set('vm_area_struct', space.areas[1]!, { vm_next: space.areas[0]! });
    const { found, lines } = space.read();
    assert.deepEqual(found, whole);
    assert.match(lines[0]!, /^the list of areas of memory: .* goes round/);
  });
});

describe('areas of a maple tree', () => {
  it('that say another range of themselves are told', () => {
    const space = new Space('6.1');
    space.made.set('vm_area_struct', space.areas[0]!, { vm_start: 0x2000 });
    assert.match(space.read().lines[0]!, /that at 0x1000 says of itself that it is elsewhere$/);
  });

  it('have the names that were given to them', () => {
    const space = new Space('6.1');
    const { made } = space;
    const name = made.place('anon_vma_name', { name: 'pool' });
    made.set('vm_area_struct', space.areas[0]!, { anon_name: name });
    const mapping = made.place('vm_special_mapping', { name: made.text('[vdso]') });
    const operations = made.place('vm_operations_struct', { name: 0x1234n });
    made.set('vm_area_struct', space.areas[3]!, { vm_ops: operations, vm_private_data: mapping });
    const symbols: Record<string, bigint>[] = [
      { special_mapping_name: 0x1234n },
      { special_mapping_vmops: operations },
    ];
    for (const known of symbols) {
      const { found, lines } = space.read(known);
      assert.deepEqual(found, ['1000 r-xp [anon:pool]', whole[1], whole[2], '9000 ---p [vdso]']);
      assert.deepEqual(lines, []);
    }
  });
});
