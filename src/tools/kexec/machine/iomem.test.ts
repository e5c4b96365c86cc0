import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { crashKernels, parseIomem, rangesNamed, systemRam } from './iomem.ts';

/** The shape of a large server's: two reservations, a GART, virtio-mem and persistent memory used as RAM. */
const server = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
0009fc00-0009ffff : Reserved
000f0000-000fffff : System ROM
00100000-bffd9fff : System RAM
  01000000-022090c7 : Kernel code
  a5000000-b4ffffff : Crash kernel
bffda000-bfffffff : Reserved
e4000000-e7ffffff : GART
100000000-23fffffff : System RAM
  1f0000000-22fffffff : Crash kernel
240000000-2bfffffff : virtio0
  240000000-247ffffff : System RAM (virtio_mem)
2c0000000-2ffffffff : Persistent Memory
  2c8000000-2ffffffff : dax0.0
    2c8000000-2ffffffff : System RAM (kmem)
`;

describe('/proc/iomem', () => {
  const entries = parseIomem(server);

  it('has its ranges with the byte behind them, and their depth', () => {
    assert.equal(entries.length, 16);
    assert.deepEqual(entries[6], { start: 0xa5000000, end: 0xb5000000, name: 'Crash kernel', depth: 1 });
    assert.equal(entries.at(-1)?.depth, 2);
  });

  it('has RAM at every depth', () => {
    assert.deepEqual(systemRam(entries), [
      { start: 0x1000, end: 0x9fc00 },
      { start: 0x100000, end: 0xbffda000 },
      // The memory of virtio-mem joins the RAM in front of it.
      { start: 0x1_0000_0000, end: 0x2_4800_0000 },
      { start: 0x2_c800_0000, end: 0x3_0000_0000 },
    ]);
  });

  it('has all reservations for crash kernels, ascending', () => {
    assert.deepEqual(crashKernels(entries), [
      { start: 0xa5000000, end: 0xb5000000 },
      { start: 0x1_f000_0000, end: 0x2_3000_0000 },
    ]);
    assert.deepEqual(crashKernels(parseIomem('00000000-0fffffff : System RAM\n')), []);
  });

  it('has ranges by name', () => {
    assert.deepEqual(rangesNamed(entries, 'GART'), [{ start: 0xe4000000, end: 0xe8000000 }]);
  });

  it('is refused when its addresses are hidden, with what to do', () => {
    const hidden = server.replace(/[0-9a-f]+-[0-9a-f]+ :/g, '00000000-00000000 :');
    assert.throws(() => parseIomem(hidden), failsWith('E_NEEDS', /zeros instead of addresses/));
  });

  it('is refused when it is something else', () => {
    assert.throws(() => parseIomem('MemTotal: 1 kB\n'), failsWith('E_CORRUPT'));
  });
});
