/** /proc/kcore as fs/proc/kcore.c (Linux 6.1) lays it out: RAM with physical addresses, the rest with -1. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { elfFile, vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { numberedPage } from '../../test/support/pages.ts';
import { MemorySource } from '../base/byte-source.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import { withVmcoreinfoAt } from './kcore.ts';
import { openDump } from './open.ts';

const vmalloc = {
  paddr: 2 ** 64,
  vaddr: 0xffff_c900_0000_0000n,
  memorySize: 2 ** 45,
  fileSize: 2 ** 45,
};
const ram = { paddr: 0x1000, vaddr: 0xffff_8880_0000_1000n, data: numberedPage(1) };
const open = (spec: Parameters<typeof elfFile>[0]) =>
  openDump(new MemorySource(elfFile(spec), 'kcore'), { codecs: {}, cutShort: 'refuse' });
/** elfFile() takes numbers; -1 has to be put in. */
function kcoreFile(segments: readonly (typeof vmalloc | typeof ram)[], notes: Uint8Array): Uint8Array {
  const known = segments.map((segment) => ({ ...segment, paddr: segment === vmalloc ? 0 : segment.paddr }));
  const bytes = elfFile({ notes, segments: known });
  const view = new DataView(bytes.buffer);
  segments.forEach((segment, i) => {
    if (segment === vmalloc) view.setBigInt64(64 + 56 * (i + (notes.length > 0 ? 1 : 0)) + 24, -1n, true);
  });
  return bytes;
}
const openKcore = (bytes: Uint8Array) =>
  openDump(new MemorySource(bytes, 'kcore'), { codecs: {}, cutShort: 'refuse' });

describe('/proc/kcore', () => {
  it('is known by segments without a physical address, and is the RAM of the others', () => {
    const dump = openKcore(kcoreFile([vmalloc, ram], vmcoreinfoNote('OSRELEASE=6.1.0\nPAGESIZE=4096\n')));
    assert.equal(dump.format, 'kcore');
    assert.equal(dump.vmcoreinfo, 'OSRELEASE=6.1.0\nPAGESIZE=4096\n');
    assert.equal(dump.memory.endPfn, 2);
    assert.equal(dump.segments.length, 1);
    const page = new Uint8Array(4096);
    assert.equal(dump.memory.read(asPaddr(0x1000), page), 4096);
    assert.deepEqual(page, numberedPage(1));
    assert.equal(dump.memory.state(asPfn(0)), 'absent');
  });

  it('is not a vmcore, whose segments all have addresses', () => {
    assert.equal(open({ segments: [ram], notes: vmcoreinfoNote('PAGESIZE=4096\n') }).format, 'elf');
  });

  it('before Linux 4.11 tells no addresses, and is refused', () => {
    const zero = { ...ram, paddr: 0 };
    assert.throws(
      () => openKcore(kcoreFile([vmalloc, zero, zero], vmcoreinfoNote('PAGESIZE=4096\n'))),
      failsWith('E_UNSUPPORTED', /physical addresses/),
    );
    assert.throws(() => openKcore(kcoreFile([vmalloc], new Uint8Array())), failsWith('E_UNSUPPORTED'));
  });

  it('before Linux 4.19 has no vmcoreinfo note: it is read from where the kernel says', () => {
    const data = numberedPage(1);
    const note = vmcoreinfoNote('OSRELEASE=4.18.0\nPAGESIZE=4096\n');
    data.set(note, 0x100);
    const dump = openKcore(kcoreFile([vmalloc, { ...ram, data }], new Uint8Array()));
    assert.equal(dump.vmcoreinfo, undefined);
    const known = withVmcoreinfoAt(dump, { paddr: 0x1100, size: note.length });
    assert.equal(known.vmcoreinfo, 'OSRELEASE=4.18.0\nPAGESIZE=4096\n');
    assert.equal(known.notes.length, 1);
    assert.throws(
      () => withVmcoreinfoAt(dump, { paddr: 0x9_0000, size: 100 }),
      failsWith('E_NO_INFO', /no VMCOREINFO note/),
    );
  });
});
