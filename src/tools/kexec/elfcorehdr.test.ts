/** Checked field by field against the ABI's table of program headers, by offsets written down here. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { buildElfCoreHeader, type ElfCoreHeaderFacts, elfCoreHeaderRoom } from './elfcorehdr.ts';

const facts: ElfCoreHeaderFacts = {
  arch: 'x86_64',
  cpuNotes: [
    { address: 0x3e2d4c00, size: 356 },
    { address: 0x3e3d4c00, size: 356 },
  ],
  vmcoreinfo: { address: 0x10c66000, size: 0x1024 },
  kernelText: { vaddr: 0xffff_ffff_b320_0000n, paddr: 0x1900_0000, size: 0x343_0000 },
  ranges: [
    { start: 0x10_0000, end: 0x2d00_0000 },
    { start: 0x1_0000_0000, end: 0x1_4000_0000 },
  ],
  linearOffset: 0xffff_8e6b_0000_0000n,
};

/** p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align of header `i`. */
function header(bytes: Uint8Array, i: number): (number | bigint)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset + 64 + 56 * i, 56);
  return [
    view.getUint32(0, true),
    view.getUint32(4, true),
    ...[8, 16, 24, 32, 40, 48].map((at) => view.getBigUint64(at, true)),
  ];
}

describe('an ELF core header', () => {
  const bytes = buildElfCoreHeader(facts);

  it('is an ELF64 core file of the machine, in whole pages', () => {
    assert.equal(bytes.length, 4096);
    assert.deepEqual([...bytes.subarray(0, 8)], [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
    const view = new DataView(bytes.buffer);
    assert.deepEqual(
      [16, 18, 52, 54, 56].map((at) => view.getUint16(at, true)),
      [4, 62, 64, 56, 6],
    );
    assert.equal(view.getUint32(20, true), 1);
    assert.equal(view.getBigUint64(32, true), 64n);
    assert.equal(
      new DataView(buildElfCoreHeader({ ...facts, arch: 'arm64' }).buffer).getUint16(18, true),
      183,
    );
  });

  it('has the notes of the CPUs, of VMCOREINFO, the kernel and the RAM, by physical address', () => {
    assert.deepEqual(header(bytes, 0), [4, 0, 0x3e2d4c00n, 0n, 0x3e2d4c00n, 356n, 356n, 0n]);
    assert.deepEqual(header(bytes, 1), [4, 0, 0x3e3d4c00n, 0n, 0x3e3d4c00n, 356n, 356n, 0n]);
    assert.deepEqual(header(bytes, 2), [4, 0, 0x10c66000n, 0n, 0x10c66000n, 0x1024n, 0x1024n, 0n]);
    const size = 0x343_0000n;
    assert.deepEqual(header(bytes, 3), [
      1,
      7,
      0x19000000n,
      0xffff_ffff_b320_0000n,
      0x19000000n,
      size,
      size,
      0n,
    ]);
    const [low, high] = [0x2cf0_0000n, 0x4000_0000n];
    assert.deepEqual(header(bytes, 4), [1, 7, 0x100000n, 0xffff_8e6b_0010_0000n, 0x100000n, low, low, 0n]);
    assert.deepEqual(header(bytes, 5), [1, 7, 1n << 32n, 0xffff_8e6c_0000_0000n, 1n << 32n, high, high, 0n]);
    assert.ok(bytes.subarray(64 + 6 * 56).every((byte) => byte === 0));
  });

  it('names the copy of RAM that was moved', () => {
    const moved = buildElfCoreHeader({ ...facts, moved: { start: 0x1000, end: 0x9f000, to: 0x3c00_1000 } });
    assert.deepEqual(header(moved, 4).slice(2, 6), [0x3c00_1000n, 0xffff_8e6b_0000_1000n, 0x1000n, 0x9e000n]);
    assert.equal(header(moved, 5)[2], 0x100000n);
  });

  it('has as many headers as 16 bits can count, and no more', () => {
    const ranges = Array.from({ length: 65531 }, (_, i) => ({ start: i * 8192, end: i * 8192 + 4096 }));
    assert.equal(
      new DataView(buildElfCoreHeader({ ...facts, ranges: ranges.slice(1) }).buffer).getUint16(56, true),
      0xfffe,
    );
    assert.throws(() => buildElfCoreHeader({ ...facts, ranges }), failsWith('E_UNSUPPORTED', /65535/));
  });

  it('gets room to grow in where the kernel wants it', () => {
    assert.equal(elfCoreHeaderRoom(4096, undefined), 4096);
    assert.equal(elfCoreHeaderRoom(4096, 917616), 921600);
    assert.equal(elfCoreHeaderRoom(1 << 20, 917616), 1 << 20);
  });
});
