/** Header versions 1 to 6: what each one lacks (makedumpfile's IMPLEMENTATION), and what is known all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concat, noteBytes, vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { type KdumpSpec, kdumpFile } from '../../test/support/kdump-file.ts';
import { numberedPage } from '../../test/support/pages.ts';
import { MemorySource } from '../base/byte-source.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import { openDump } from './open.ts';

const info = 'OSRELEASE=4.18.0\nPAGESIZE=4096\n';
const notes = concat(noteBytes('CORE', 1, new Uint8Array(336)), vmcoreinfoNote(info));
const bigEndianNotes = concat(noteBytes('CORE', 1, new Uint8Array(336), false), vmcoreinfoNote(info, false));
const spec: KdumpSpec = {
  maxMapnr: 40,
  cpus: 8,
  dumpLevel: 31,
  ram: [3],
  pages: [
    { pfn: 2, data: numberedPage(2) },
    { pfn: 39, data: numberedPage(39) },
  ],
};
const open = (bytes: Uint8Array) =>
  openDump(new MemorySource(bytes, 'dump'), { codecs: {}, cutShort: 'refuse' });

describe('a kdump file of header version', () => {
  for (const version of [1, 2, 3, 4, 5, 6]) {
    for (const littleEndian of [true, false]) {
      it(`${version}, ${littleEndian ? 'little' : 'big'} endian`, () => {
        const hasNotes = version >= 4;
        const dump = open(
          kdumpFile({
            ...spec,
            version,
            littleEndian,
            ...(hasNotes ? { notes: littleEndian ? notes : bigEndianNotes } : { vmcoreinfo: info }),
          }),
        );
        assert.equal(dump.memory.endPfn, 40);
        const page = new Uint8Array(4096);
        for (const pfn of [2, 39]) {
          assert.equal(dump.memory.read(asPaddr(pfn * 4096), page), 4096);
          assert.deepEqual(page, numberedPage(pfn));
        }
        assert.equal(dump.memory.state(asPfn(3)), 'excluded');
        const { detail, cpus, dumpLevel } = dump.describe();
        assert.equal(detail, `kdump-compressed, version ${version}`);
        assert.equal(cpus, 8);
        assert.equal(dumpLevel, 31);
        assert.equal(dump.vmcoreinfo, version >= 3 ? info : undefined);
        assert.equal(dump.notes.length, version < 3 ? 0 : hasNotes ? 2 : 1);
      });
    }
  }

  it('2 does not read the fields that came later, whatever is there', () => {
    const bytes = kdumpFile({ ...spec, version: 2 });
    // vmcoreinfo, notes, erase information, 64-bit page frames.
    bytes.fill(0xee, 4096 + 32, 4096 + 104);
    const dump = open(bytes);
    assert.equal(dump.vmcoreinfo, undefined);
    assert.equal(dump.memory.state(asPfn(39)), 'present');
  });

  it('5 has its page frames counted in 32 bits, 6 in 64', () => {
    const bytes = kdumpFile({ ...spec, version: 6 });
    new DataView(bytes.buffer).setUint32(440, 7, true);
    assert.equal(open(bytes).memory.endPfn, 40);
    new DataView(bytes.buffer).setUint32(8, 5, true);
    assert.equal(open(bytes).memory.endPfn, 7);
  });
});
