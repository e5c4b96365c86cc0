/**
 * Types and vmcoreinfo against what others say: a compiler's own offsetof(), and the text that the crashed kernel printed about itself.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { viewOf } from '../src/base/bytes.ts';
import { unpackWhole } from '../src/codecs/native-inflate.ts';
import { openElfSections } from '../src/formats/elf-sections.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { ElfSymbols } from '../src/kernel/symbols/elf-symbols.ts';
import { findBtf, findLargestBtf } from '../src/kernel/types/btf-scan.ts';
import { Dwarf } from '../src/kernel/types/dwarf.ts';
import { Layouts, layoutsOf } from '../src/kernel/types/layouts.ts';
import { findMember, sizeOf } from '../src/kernel/types/types.ts';
import { openFile } from '../src/sys/file-source.ts';
import { open, rawDump, savedDump } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-types-'));
after(() => rmSync(folder, { recursive: true }));

/** Members whose offsets the compiler is asked for, as C paths. */
const members = [
  ...[
    'page.flags',
    'page.lru.next',
    'page.lru.prev',
    'page.mapping',
    'page.index',
    'page.head',
    'page.order',
  ],
  ...[
    'zone.lock',
    'zone.areas',
    'zone.name',
    'packed.b',
    'packed.c',
    'node.zones',
    'node.id',
    'unioned.tall',
  ],
];
const sizes = ['page', 'zone', 'node', 'packed'];

/**
 * What a kernel's headers do: anonymous members, unions, arrays of structures, packing, alignment, bit fields. `answers` is filled by the
 * compiler and read from the program's data, so that nothing needs to run (or a C library to link).
 */
const program = `
typedef unsigned long ulong_t;
struct list { struct list *next, *prev; };
struct page {
  ulong_t flags;
  union {
    struct { union { struct list lru; struct { void *filler; unsigned int mlocked; }; }; void *mapping; ulong_t index; };
    struct { ulong_t head; unsigned char dtor, order; };
  };
  int count;
} __attribute__((aligned(64)));
struct free_area { struct list lists[6]; ulong_t nr; };
struct zone { char name[3]; const volatile int lock; struct free_area areas[11]; } __attribute__((aligned(128)));
struct packed { char a; long b; short c; } __attribute__((packed));
struct node { struct zone zones[4]; int id; enum { RED, GREEN = 7, BLUE = -2 } colour; };
union unioned { int low; long tall; };
struct bits { unsigned int a : 3, b : 11; unsigned char c : 2; unsigned long wide : 40; };
enum pageflags { PG_locked, PG_lru = 5, PG_head = 16 };
typedef struct { ulong_t bits[128 / sizeof(ulong_t)]; } nodemask_t;
struct page mem_map[4][5];
nodemask_t online;
extern struct zone *zones;
struct zone *zones;
const ulong_t answers[] = {
  ${members.map((path) => `__builtin_offsetof(${path.startsWith('unioned') ? 'union' : 'struct'} ${path.replace('.', ', ')})`).join(', ')},
  ${sizes.map((name) => `sizeof(struct ${name})`).join(', ')}, sizeof(nodemask_t), sizeof(mem_map)
};
const struct bits ones[] = { { .a = 7 }, { .b = 2047 }, { .c = 3 }, { .wide = 0xffffffffffUL } };
enum pageflags used(struct node *node, union unioned *u, struct packed *p) { return node->id + u->low + p->c > 0 ? PG_lru : PG_head; }
`;

function compile(...options: readonly string[]): string {
  const source = join(folder, 'types.c');
  const output = join(folder, `types${options.join('')}`);
  writeFileSync(source, program);
  const fixed = ['-ffreestanding', '-nostdlib', '-static', '-fno-pie', '-no-pie', '-Wl,--entry=used'];
  execFileSync('gcc', [...fixed, ...options, '-o', output, source], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return output;
}

for (const options of [
  ['-gdwarf-5'],
  ['-gdwarf-4'],
  ['-gdwarf-4', '-gstrict-dwarf'],
  ['-gdwarf-3'],
  ['-gdwarf-5', '-gz=zlib'],
]) {
  describe(`DWARF of gcc ${options.join(' ')}`, () => {
    const sections = openElfSections(openFile(compile(...options)), unpackWhole);
    const dwarf = new Dwarf(sections);
    const symbols = new ElfSymbols(sections);
    const layouts = new Layouts('types.c', undefined, [() => dwarf]);

    it('gives the offsets and sizes that the compiler used', () => {
      const { value, size } = symbols.find('answers')!;
      const answers = viewOf(sections.readAt(value, size)!);
      const expected = Array.from({ length: size / 8 }, (_, i) => Number(answers.getBigUint64(i * 8, true)));
      const ours = [
        ...members.map((path) => layouts.offset(path)),
        ...sizes.map((name) => layouts.size(name)),
        layouts.size('nodemask_t'),
        sizeOf(dwarf.variable('mem_map')!),
      ];
      assert.deepEqual(ours, expected);
    });

    it('puts bit fields where the compiler wrote ones', () => {
      const { value, size } = symbols.find('ones')!;
      const bits = dwarf.struct('bits')!;
      const bytes = sections.readAt(value, size)!;
      ['a', 'b', 'c', 'wide'].forEach((name, i) => {
        const { offset, member } = findMember(bits, name)!;
        const one = Array.from(bytes.subarray(i * bits.size, (i + 1) * bits.size));
        const number = one.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
        const width = BigInt(member.bits!.size);
        assert.equal(number, ((1n << width) - 1n) << BigInt(offset * 8 + member.bits!.offset), name);
      });
    });

    it('reads enums, lengths and the types of variables', () => {
      assert.equal(layouts.enumValue('pageflags', 'PG_head'), 16);
      assert.equal(layouts.length('zone.areas'), 11);
      assert.equal(sizeOf(dwarf.variable('zones')!), 8);
      const colour = layouts.member('node.colour')!.member.type();
      assert.ok(colour.kind === 'enum');
      assert.deepEqual(
        [...colour.values()],
        [
          ['RED', 0n],
          ['GREEN', 7n],
          ['BLUE', -2n],
        ],
      );
    });
  });
}

describe('the BTF of a crashed kernel', () => {
  const dump = open(savedDump());
  const kernel = new Kernel(dump);
  const btf = findBtf(kernel);
  assert.ok(btf !== undefined, 'Debian builds its kernels with BTF, and level 31 keeps it');
  const types = new Layouts('BTF', undefined, [() => btf]);

  it('says of every structure what the kernel itself printed in vmcoreinfo', () => {
    const compared: string[] = [];
    for (const line of dump.vmcoreinfo?.split('\n') ?? []) {
      const [, kind, name, value] = /^(SIZE|OFFSET|LENGTH)\((.*)\)=(\d+)$/.exec(line) ?? [];
      // Lengths without a dot are of variables, or have names of their own.
      if (kind === undefined || name === undefined || (kind === 'LENGTH' && !name.includes('.'))) continue;
      const ours =
        kind === 'SIZE' ? types.size(name) : kind === 'OFFSET' ? types.offset(name) : types.length(name);
      assert.equal(ours, Number(value), line);
      compared.push(line);
    }
    assert.ok(compared.length > 60, `${compared.length} lines`);
  });

  it('says of every flag what the kernel printed', () => {
    for (const flag of ['PG_lru', 'PG_private', 'PG_swapcache', 'PG_swapbacked', 'PG_hwpoison'])
      assert.equal(types.enumValue('pageflags', flag), kernel.info.requireNumber(flag), flag);
    assert.equal(2 ** types.enumValue('pageflags', 'PG_head')!, kernel.info.requireNumber('PG_head_mask'));
  });

  it('is the same in the whole dump, and found there without any symbol', () => {
    const whole = open(rawDump());
    assert.equal(findLargestBtf(whole)?.endId, btf.endId);
  });

  it('answers what vmcoreinfo does not, and says so', () => {
    const layouts = layoutsOf(kernel);
    assert.equal(layouts.size('page'), kernel.info.requireSize('page'));
    assert.ok(layouts.requireOffset('task_struct.tasks') > 0);
    assert.deepEqual([...layouts.answeredBy.values()], ['vmcoreinfo', 'BTF']);
  });
});
