import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concat, type ElfSpec, elfFile, noteBytes, vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { PaddedSource } from '../../test/support/padded-source.ts';
import { numberedPage } from '../../test/support/pages.ts';
import { MemorySource } from '../base/byte-source.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import { cpuNotes, type OpenOptions } from './dump.ts';
import { openDump } from './open.ts';

const open = (bytes: Uint8Array, cutShort: OpenOptions['cutShort'] = 'refuse') =>
  openDump(new MemorySource(bytes, 'test.vmcore'), { codecs: {}, cutShort });
const onePage: ElfSpec = { segments: [{ paddr: 0x1000, data: numberedPage(1) }] };

describe('opening an ELF vmcore', () => {
  it('tells what it is', () => {
    const dump = open(
      elfFile({
        notes: concat(
          noteBytes('CORE', 1, new Uint8Array(336)),
          noteBytes('CORE', 1, new Uint8Array(336)),
          vmcoreinfoNote('OSRELEASE=6.1.0-test\nPAGESIZE=4096\n\0\0\0'),
        ),
        segments: [
          { paddr: 0x1000, vaddr: 0xffff_8880_0000_1000n, data: numberedPage(1) },
          { paddr: 0x100000, data: numberedPage(2), memorySize: 0x4000 },
        ],
      }),
    );
    assert.equal(dump.format, 'elf');
    assert.equal(dump.arch, 'x86_64');
    assert.equal(dump.vmcoreinfo, 'OSRELEASE=6.1.0-test\nPAGESIZE=4096\n', 'without the padding NULs');
    assert.equal(cpuNotes(dump.notes).length, 2);
    assert.equal(dump.segments.length, 2, 'PT_LOADs only');
    assert.equal(dump.segments[0]?.vaddr, 0xffff_8880_0000_1000n);
    assert.equal(dump.memory.endPfn, 0x104);
    assert.deepEqual(dump.describe(), {
      format: 'elf',
      detail: 'ELF core, 2 memory segments',
      arch: 'x86_64',
      pageSize: 4096,
      dumpLevel: undefined,
      incomplete: false,
      compression: undefined,
      zeroPages: undefined,
    });
  });

  it('takes the page size from vmcoreinfo, and 4 KiB when there is none or it is absurd', () => {
    const pageSize = (info: string | undefined): number =>
      open(elfFile({ ...onePage, ...(info === undefined ? {} : { notes: vmcoreinfoNote(info) }) })).memory
        .pageSize;
    assert.equal(pageSize('PAGESIZE=65536\n'), 65536);
    assert.equal(pageSize('X=1\nPAGESIZE=16384\nY=2\n'), 16384);
    for (const info of [
      undefined,
      'PAGESIZE=0\n',
      'PAGESIZE=5000\n',
      'PAGESIZE=131072\n',
      'NOPAGESIZE=65536\n',
    ]) {
      assert.equal(pageSize(info), 4096, String(info));
    }
  });

  it('reads both byte orders of arm64', () => {
    for (const littleEndian of [true, false]) {
      const dump = open(
        elfFile({ ...onePage, machine: 183, littleEndian, notes: vmcoreinfoNote('A=1\n', littleEndian) }),
      );
      assert.equal(dump.arch, 'arm64');
      assert.equal(dump.littleEndian, littleEndian);
      assert.equal(dump.vmcoreinfo, 'A=1\n');
    }
  });

  it('opens without any note: memory is still there', () => {
    const dump = open(elfFile(onePage));
    assert.equal(dump.vmcoreinfo, undefined);
    const page = new Uint8Array(4096);
    assert.equal(dump.memory.read(asPaddr(0x1000), page), 4096);
    assert.deepEqual(page, numberedPage(1));
  });

  it('says that makedumpfile could not finish it', () => {
    assert.ok(open(elfFile({ ...onePage, flags: 1 })).describe().incomplete);
  });

  it('is quick about vmcoreinfo that is megabytes of padding', () => {
    const text = `A=1\n${'\0'.repeat(2 ** 20)}B=2\n\0\0`;
    assert.ok(open(elfFile({ ...onePage, notes: vmcoreinfoNote(text) })).vmcoreinfo?.endsWith('\0B=2\n'));
  });

  it('takes note segments apart that come one per CPU', () => {
    const dump = open(
      elfFile({
        segments: [{ type: 4, paddr: 0, data: vmcoreinfoNote('A=1\n') }, ...onePage.segments!],
        notes: noteBytes('CORE', 1, new Uint8Array(8)),
      }),
    );
    assert.equal(dump.notes.length, 2);
    assert.equal(dump.vmcoreinfo, 'A=1\n');
  });
});

describe('what is not an ELF vmcore', () => {
  it('is told apart: a program, a library, an object file', () => {
    for (const [type, what] of [
      [1, /ELF type 1, not a core dump/],
      [2, /an ELF program, not a core dump/],
      [3, /an ELF program, not a core dump/],
    ] as const) {
      assert.throws(() => open(elfFile({ ...onePage, type })), failsWith('E_NOT_A_DUMP', what));
    }
  });

  it('is a machine that we do not read', () => {
    assert.throws(
      () => open(elfFile({ ...onePage, machine: 21 })),
      failsWith('E_UNSUPPORTED', /ELF machine 21/),
    );
  });

  it('is a core without memory', () => {
    assert.throws(() => open(elfFile({ notes: vmcoreinfoNote('A=1\n') })), failsWith('E_CORRUPT', /PT_LOAD/));
  });

  it('is memory beyond what any machine addresses', () => {
    const segments = [{ paddr: 2 ** 53 - 4096, data: new Uint8Array(8), memorySize: 2 ** 53 }];
    assert.throws(() => open(elfFile({ segments })), failsWith('E_CORRUPT', /beyond any physical memory/));
  });

  it('is a note segment of gigabytes, refused before it is allocated', () => {
    const file = elfFile({ ...onePage, notes: vmcoreinfoNote('A=1\n') });
    new DataView(file.buffer).setBigUint64(64 + 32, 2n ** 40n, true);
    const source = new PaddedSource(file, 2 ** 45);
    assert.throws(
      () => openDump(source, { codecs: {}, cutShort: 'refuse' }),
      failsWith('E_CORRUPT', /note segment/),
    );
  });
});

describe('an ELF vmcore that was cut short', () => {
  const file = elfFile({
    segments: [
      { paddr: 0x1000, data: concat(numberedPage(1), numberedPage(2)) },
      { paddr: 0x8000, data: concat(numberedPage(8), numberedPage(9)) },
    ],
  });
  // The last page, and half of the one before it.
  const cut = file.subarray(0, file.length - 4096 - 2048);

  it('is refused', () => {
    assert.throws(
      () => open(cut),
      failsWith('E_TRUNCATED', /memory segments reach to byte 16560, the file has 10416/),
    );
  });

  it('opens when asked, and the missing pages are lost, also the one that is there in part', () => {
    const { memory } = open(cut, 'accept');
    const states = [0, 1, 2, 3, 8, 9].map((pfn) => memory.state(asPfn(pfn)));
    assert.deepEqual(states, ['absent', 'present', 'present', 'absent', 'lost', 'lost']);
    assert.ok(memory.read(asPaddr(0x8000), new Uint8Array(4096)) < 4096);
    assert.equal(memory.read(asPaddr(0x9000), new Uint8Array(4096)), 0);
  });

  it('opens by itself when it says that it is incomplete', () => {
    const incomplete = cut.slice();
    incomplete[48] = 1;
    assert.ok(open(incomplete).describe().incomplete);
  });
});
