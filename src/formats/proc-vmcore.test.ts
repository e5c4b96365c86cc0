/**
 * /proc/vmcore over a small machine's RAM, made by hand: what the kernel's code would show is written down here by offset.
 *
 * The machine has 64 KiB from address 0x10000 on, every byte of it different from its neighbours. Notes lie in the first page, the header at
 * 0x1a000.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  coreFileHeader,
  coreHeader,
  type HeaderSpec,
  programHeader,
} from '../../test/support/core-header.ts';
import { concat, noteBytes, vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { MemorySource } from '../base/byte-source.ts';
import { asPaddr } from '../base/units.ts';
import { findCoreHeader } from './find-elfcorehdr.ts';
import { openDump } from './open.ts';
import { openProcVmcore } from './proc-vmcore.ts';
import { RamImage } from './ram-image.ts';

const ramStart = 0x1_0000;
const ramSize = 0x1_0000;
const headerAt = 0x1_a000;
const cpuNote = noteBytes(
  'CORE',
  1,
  Uint8Array.from({ length: 336 }, (_, i) => i),
);
const vmcoreinfo = vmcoreinfoNote('OSRELEASE=6.1.0-50-amd64\nPAGESIZE=4096\n');

interface Machine {
  readonly headers: readonly HeaderSpec[];
  /** Bytes at physical addresses. */
  readonly at?: readonly (readonly [number, Uint8Array])[];
  readonly count?: number;
}

const ramByte = (paddr: number): number => (paddr * 7 + (paddr >> 8) + (paddr >> 12)) & 0xff;

function ram({ headers, at = [], count = headers.length }: Machine): Uint8Array {
  const bytes = Uint8Array.from({ length: ramSize }, (_, i) => ramByte(ramStart + i));
  for (const [paddr, content] of at) bytes.set(content, paddr - ramStart);
  bytes.set(coreHeader(headers, count), headerAt - ramStart);
  return bytes;
}

const image = (bytes: Uint8Array): RamImage =>
  new RamImage(new MemorySource(bytes, 'ram.img'), [{ paddr: ramStart, offset: 0, size: bytes.length }]);

function readAll(source: {
  readonly size: number;
  read(offset: number, into: Uint8Array): number;
}): Uint8Array {
  const bytes = new Uint8Array(source.size);
  assert.equal(source.read(0, bytes), bytes.length);
  return bytes;
}

const padded = (bytes: Uint8Array, to: number): Uint8Array => {
  const whole = new Uint8Array(Math.ceil(bytes.length / to) * to);
  whole.set(bytes);
  return whole;
};

/** Two CPUs, the second one without registers; the kernel's image inside one of two ranges that do not fill their pages. */
const usual: Machine = {
  headers: [
    { type: 4, offset: 0x1_0100, size: 400 },
    { type: 4, offset: 0x1_0400, size: 400 },
    { type: 4, offset: 0x1_0800, size: 0x400 },
    { type: 1, offset: 0x1_2000, size: 0x1000 },
    { type: 1, offset: 0x1_0000, size: 0x4c00 },
    { type: 1, offset: 0x1_5400, size: 0x3801 },
  ],
  at: [
    [0x1_0100, padded(cpuNote, 400)],
    [0x1_0400, new Uint8Array(400)],
    [0x1_0800, padded(vmcoreinfo, 0x400)],
  ],
};

describe('/proc/vmcore', () => {
  it('is the file that the kernel makes, byte for byte', () => {
    const bytes = ram(usual);
    const memory = (start: number, end: number): Uint8Array =>
      bytes.subarray(start - ramStart, end - ramStart);
    const notes = concat(cpuNote, vmcoreinfo);
    const note = programHeader({ type: 4, offset: 0x1000, size: notes.length, paddr: 0 });
    const expected = concat(
      padded(
        concat(
          coreFileHeader(4),
          note,
          programHeader({ type: 1, offset: 0x2000, size: 0x1000, paddr: 0x1_2000 }),
          programHeader({ type: 1, offset: 0x3000, size: 0x4c00, paddr: 0x1_0000 }),
          programHeader({ type: 1, offset: 0x8400, size: 0x3801, paddr: 0x1_5400 }),
        ),
        4096,
      ),
      padded(notes, 4096),
      memory(0x1_2000, 0x1_3000),
      memory(0x1_0000, 0x1_5000),
      memory(0x1_5000, 0x1_9000),
    );
    const vmcore = openProcVmcore(image(bytes), headerAt);
    assert.equal(vmcore.size, expected.length);
    assert.deepEqual(readAll(vmcore), expected);
  });

  it('opens as the dump that it is', () => {
    const dump = openDump(openProcVmcore(image(ram(usual)), headerAt), {
      codecs: {},
      cutShort: 'refuse',
    });
    assert.equal(dump.notes.length, 2);
    const into = new Uint8Array(0x100);
    assert.equal(dump.memory.read(asPaddr(0x1_6000), into), into.length);
    assert.deepEqual(
      [...into],
      Array.from(into, (_, i) => ramByte(0x1_6000 + i)),
    );
  });

  it('reads the same in any pieces', () => {
    const vmcore = openProcVmcore(image(ram(usual)), headerAt);
    const whole = readAll(vmcore);
    fc.assert(
      fc.property(fc.nat(whole.length + 10), fc.nat(9000), (offset, length) => {
        const into = new Uint8Array(length);
        const got = vmcore.read(offset, into);
        assert.equal(got, Math.max(0, Math.min(length, whole.length - offset)));
        assert.deepEqual(into.subarray(0, got), whole.subarray(offset, offset + got));
      }),
    );
  });

  it('knows the holes of its image', () => {
    const bytes = ram(usual);
    bytes.fill(0, 0x2000, 0x5800);
    bytes.fill(0, 0x8000, 0x9000);
    const nextData = (from: number): number => {
      const next = bytes.findIndex((byte, i) => i >= from && byte !== 0);
      return next < 0 ? bytes.length : next;
    };
    const source = Object.assign(new MemorySource(bytes, 'ram.img'), { nextData });
    const banks = [{ paddr: ramStart, offset: 0, size: bytes.length }];
    const vmcore = openProcVmcore(new RamImage(source, banks), headerAt);
    const whole = readAll(vmcore);
    for (let from = 0x2000; from < whole.length; from += 0x123) {
      const rest = whole.subarray(from).findIndex((byte) => byte !== 0);
      assert.equal(vmcore.nextData!(from), rest < 0 ? whole.length : from + rest);
    }
    assert.equal(openProcVmcore(image(bytes), headerAt).nextData, undefined);
    assert.equal(findCoreHeader(new RamImage(source, banks)), headerAt);
  });

  it("says how its notes are aligned as the capture kernel's release does", () => {
    const align = (release: string | undefined): number => {
      const capture = release === undefined ? {} : { release };
      const bytes = readAll(openProcVmcore(image(ram(usual)), headerAt, capture));
      return new DataView(bytes.buffer).getUint32(64 + 48, true);
    };
    assert.deepEqual(
      [undefined, '4.18.0', '6.4.16', '6.5.0-1-arm64', '6.12.1', '7.2.12+deb14-amd64'].map(align),
      [0, 0, 0, 4, 4, 4],
    );
  });

  it("has pages of the capture kernel's size", () => {
    const vmcore = openProcVmcore(image(ram(usual)), headerAt, { pageSize: 65536 });
    // Headers, notes, and the one page in which all of the three ranges lie, three times.
    assert.equal(vmcore.size, 5 * 65536);
  });

  it('shows the rest of a page that is not in the image as zeros', () => {
    const bytes = ram({ ...usual, headers: [...usual.headers, { type: 1, offset: 0x1_e000, size: 0x1800 }] });
    const vmcore = openProcVmcore(image(bytes.subarray(0, 0xf800)), headerAt);
    const tail = readAll(vmcore).subarray(-0x2000);
    assert.deepEqual(tail.subarray(0, 0x1800), bytes.subarray(0xe000, 0xf800));
    assert.ok(tail.subarray(0x1800).every((byte) => byte === 0));
  });

  it('takes notes up to the first empty or overlong one', () => {
    const overlong = cpuNote.slice();
    new DataView(overlong.buffer).setUint32(4, 4000, true);
    const machine: Machine = {
      ...usual,
      at: [
        [0x1_0100, padded(cpuNote, 400)],
        [0x1_0400, padded(overlong, 400)],
        // Two notes fill the last area to its last byte.
        [
          0x1_0800,
          padded(concat(vmcoreinfo, noteBytes('X', 7, new Uint8Array(0x400 - vmcoreinfo.length - 16))), 4),
        ],
      ],
    };
    const bytes = readAll(openProcVmcore(image(ram(machine)), headerAt));
    assert.equal(new DataView(bytes.buffer).getUint32(64 + 32, true), cpuNote.length + 0x400);
  });

  it('finds its header by itself: the one that does not describe where it lies', () => {
    const bytes = ram(usual);
    // A copy in memory that was the loader's, a program, and the vmcore header of an earlier crash.
    bytes.copyWithin(0x6000, headerAt - ramStart, headerAt - ramStart + 64 + 6 * 56);
    bytes.set(coreFileHeader(1).fill(0, 16, 18), 0xb000);
    bytes.set(readAll(openProcVmcore(image(bytes), headerAt)).subarray(0, 64 + 4 * 56), 0xc000);
    assert.equal(findCoreHeader(image(bytes)), headerAt);
    assert.throws(() => findCoreHeader(image(bytes.subarray(0, 0xa000))), failsWith('E_NOT_A_DUMP'));
    const another = bytes.slice();
    another.copyWithin(0xd000, headerAt - ramStart, headerAt - ramStart + 64 + 6 * 56);
    assert.equal(findCoreHeader(image(another)), headerAt, 'a copy is as good');
    another[0xd000 + 64 + 5 * 56 + 32] = 0;
    assert.throws(() => findCoreHeader(image(another)), failsWith('E_USAGE', /0x1a000, 0x1d000/));
  });
});

describe('a wrong address or a wrong image', () => {
  const open = (bytes: Uint8Array, address = headerAt) => openProcVmcore(image(bytes), address);
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = ram(usual);
    bytes[headerAt - ramStart + at] = value;
    return bytes;
  };

  it('is told: outside of the memory, no header, a broken one', () => {
    const bytes = ram(usual);
    assert.throws(
      () => open(bytes, 0),
      failsWith('E_UNREADABLE', /0x0 is not in the image, which has 0x10000-0x20000/),
    );
    assert.throws(() => open(bytes, 0x1_9000), failsWith('E_NOT_A_DUMP', /at address 0x19000/));
    assert.throws(() => open(changed(4, 1)), failsWith('E_UNSUPPORTED', /32-bit/));
    const broken: [number, number, RegExp][] = [
      [5, 9, /byte order 9/],
      [16, 2, /not of a core file/],
      [20, 2, /version/],
      [54, 32, /other sizes/],
      [56, 0, /no program headers/],
    ];
    for (const [at, value, message] of broken)
      assert.throws(() => open(changed(at, value)), failsWith('E_CORRUPT', message), String(at));
    assert.throws(() => open(ram({ ...usual, count: 0xffff })), failsWith('E_TRUNCATED', /reaches out/));
  });

  it('is told: memory that the image does not have', () => {
    assert.throws(
      () => open(ram({ ...usual, headers: [...usual.headers, { type: 1, offset: 0x1_e000, size: 0x3000 }] })),
      failsWith('E_TRUNCATED', /memory at 0x20000/),
    );
    assert.throws(
      () => open(ram({ ...usual, headers: [{ type: 4, offset: 0x1_ff00, size: 0x200 }, ...usual.headers] })),
      failsWith('E_TRUNCATED', /memory at 0x20000/),
    );
    assert.throws(
      () => open(ram({ ...usual, headers: [{ type: 4, offset: 0x1_0000, size: 2 ** 40 }] })),
      failsWith('E_CORRUPT', /note area/),
    );
    assert.throws(
      () => open(ram({ ...usual, headers: usual.headers.slice(3) })),
      failsWith('E_CORRUPT', /no notes/),
    );
  });

  it('never ends in anything but an error of ours', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(64 + 6 * 56 - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const bytes = ram(usual);
          for (const [at, value] of changes) bytes[headerAt - ramStart + at] = value;
          try {
            const vmcore = open(bytes);
            vmcore.read(Math.max(0, vmcore.size - 5000), new Uint8Array(5000));
          } catch (error) {
            assert.equal((error as Error).name, 'VmcoreError', String(error));
          }
        },
      ),
    );
  });
});
