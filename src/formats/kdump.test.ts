import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concat, noteBytes, vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { type KdumpSpec, kdumpFile, kdumpLayout } from '../../test/support/kdump-file.ts';
import { PaddedSource } from '../../test/support/padded-source.ts';
import { numberedPage } from '../../test/support/pages.ts';
import { MemorySource } from '../base/byte-source.ts';
import { asPfn } from '../base/units.ts';
import type { OpenOptions } from './dump.ts';
import { readKdumpHeader } from './kdump-header.ts';
import { openDump } from './open.ts';

const open = (bytes: Uint8Array, cutShort: OpenOptions['cutShort'] = 'refuse') =>
  openDump(new MemorySource(bytes, 'test.kdump'), { codecs: {}, cutShort });
const header = (bytes: Uint8Array) => readKdumpHeader(new MemorySource(bytes, 'test.kdump'));

const twoPages: KdumpSpec = {
  maxMapnr: 40,
  ram: [1, 2, 3, 4, 5],
  pages: [
    { pfn: 2, data: numberedPage(2) },
    { pfn: 5, data: numberedPage(5) },
  ],
};
/** A file whose 32-bit word at `offset` was overwritten. */
const patched = (spec: KdumpSpec, offset: number, value: number): Uint8Array => {
  const file = kdumpFile(spec);
  new DataView(file.buffer).setUint32(offset, value, true);
  return file;
};

describe('the kdump headers', () => {
  for (const littleEndian of [true, false]) {
    it(`are read in ${littleEndian ? 'little' : 'big'} endian`, () => {
      const notes = noteBytes('CORE', 1, new Uint8Array(8), littleEndian);
      const found = header(
        kdumpFile({
          ...twoPages,
          littleEndian,
          machine: 'aarch64',
          status: 0x21,
          physBase: -62914560n,
          dumpLevel: 31,
          cpus: 2,
          notes,
        }),
      );
      assert.deepEqual(found, {
        version: 6,
        littleEndian,
        utsname: {
          sysname: 'Linux',
          nodename: 'host',
          release: '6.1.0-test',
          version: '#1 SMP',
          machine: 'aarch64',
          domainname: 'domain',
        },
        timestamp: 1_700_000_000,
        status: 0x21,
        blockSize: 4096,
        subHeaderBlocks: 1,
        bitmapBlocks: 2,
        maxMapnr: 40,
        cpus: 2,
        physBase: -62914560n,
        dumpLevel: 31,
        split: undefined,
        vmcoreinfo: { offset: 0, size: 0 },
        notes: { offset: 4096 + 104, size: notes.length },
        eraseinfo: { offset: 0, size: 0 },
      });
    });
  }

  it('hold what their version has, and nothing of what came later', () => {
    const notes = noteBytes('CORE', 1, new Uint8Array(8));
    for (const version of [1, 2, 3, 4, 5, 6]) {
      const file = kdumpFile({ ...twoPages, version, notes, vmcoreinfo: 'A=1\n', dumpLevel: 7 });
      const view = new DataView(file.buffer);
      // Fields of later versions, filled with what an older writer left on its stack.
      const fill: [since: number, at: number][] = [
        [2, 12],
        [3, 40],
        [4, 56],
        [5, 72],
        [6, 96],
      ];
      for (const [since, at] of fill) if (version < since) view.setUint32(4096 + at, 0xdead_beef, true);
      const found = header(file);
      assert.equal(found.version, version);
      assert.equal(found.maxMapnr, 40);
      assert.equal(found.dumpLevel, 7);
      assert.equal(found.split, undefined);
      assert.equal(found.vmcoreinfo.size, version >= 3 ? 4 : 0, `vmcoreinfo in version ${version}`);
      assert.equal(found.notes.size, version >= 4 ? notes.length : 0, `notes in version ${version}`);
      assert.equal(found.eraseinfo.size, 0);
    }
  });

  it('of a part of a split dump tell which page frames it holds', () => {
    for (const [version, startAt, endAt] of [
      [2, 16, 24],
      [5, 16, 24],
      [6, 80, 88],
    ] as const) {
      const file = kdumpFile({ ...twoPages, version });
      const view = new DataView(file.buffer);
      view.setInt32(4096 + 12, 1, true);
      view.setBigUint64(4096 + startAt, 8n, true);
      view.setBigUint64(4096 + endAt, 40n, true);
      assert.deepEqual(header(file).split, { start: 8, end: 40 }, `version ${version}`);
    }
  });

  it('that are absurd are corrupt, naming the byte', () => {
    const cases: [at: number, value: number, what: RegExp][] = [
      [8, 0, /version 0/],
      [8, 65, /version 65/],
      [428, 0, /block size of 0/],
      [428, 512, /block size of 512/],
      [428, 5000, /block size of 5000/],
      [428, 131072, /block size of 131072/],
      [432, 0, /sub header of 0 blocks/],
      [436, 0, /40 page frames, but bitmaps for 0/],
      [436, 1, /two bitmaps in 1 blocks/],
      [4096 + 96, 0, /0 page frames/],
      [4096 + 96, 32769, /32769 page frames, but bitmaps for 32768/],
      [4096 + 100, 1, /page frames, but bitmaps for 32768/],
      [4096 + 40, 0x7fff_ffff, /vmcoreinfo of 2147483647 bytes/],
      [4096 + 60, 0x7fff_ffff, /the notes of/],
      [4096 + 76, 0x7fff_ffff, /the erase information of/],
    ];
    for (const [at, value, what] of cases) {
      assert.throws(
        () => open(patched(twoPages, at, value)),
        failsWith('E_CORRUPT', what),
        `${value} at ${at}`,
      );
    }
  });

  it('with bitmaps beyond the end of the file are a cut file', () => {
    assert.throws(() => open(patched(twoPages, 436, 0xffff_fffe)), failsWith('E_TRUNCATED', /bitmaps end/));
    assert.throws(() => open(patched(twoPages, 432, 0xffff_ffff)), failsWith('E_TRUNCATED', /bitmaps end/));
  });

  it('that promise gigabytes are refused before anything is allocated, even in a file that is as large', () => {
    const lies: [at: number, value: number][] = [
      [4096 + 44, 0x100], // vmcoreinfo: 2^40 bytes
      [4096 + 60, 0x100], // notes: 2^40 bytes
    ];
    for (const [at, value] of lies) {
      const source = new PaddedSource(patched(twoPages, at, value), 2 ** 50);
      assert.throws(
        () => openDump(source, { codecs: {}, cutShort: 'accept' }),
        failsWith('E_CORRUPT'),
        `at ${at}`,
      );
    }
    const file = patched(twoPages, 436, 0x0400_0000);
    new DataView(file.buffer).setBigUint64(4096 + 96, 2n ** 38n, true);
    assert.throws(
      () => openDump(new PaddedSource(file, 2 ** 50), { codecs: {}, cutShort: 'accept' }),
      failsWith('E_UNSUPPORTED', /page frames/),
    );
  });
});

describe('opening a kdump file', () => {
  it('tells what it is', () => {
    const notes = concat(noteBytes('CORE', 1, new Uint8Array(336)), vmcoreinfoNote('OSRELEASE=6.1.0-test\n'));
    const dump = open(kdumpFile({ ...twoPages, notes, dumpLevel: 31, status: 0x20 }));
    assert.equal(dump.arch, 'x86_64');
    assert.equal(dump.vmcoreinfo, 'OSRELEASE=6.1.0-test\n');
    assert.equal(dump.notes.length, 2);
    assert.equal(dump.memory.endPfn, 40);
    assert.deepEqual(dump.describe(), {
      format: 'kdump',
      detail: 'kdump-compressed, version 6',
      arch: 'x86_64',
      pageSize: 4096,
      dumpLevel: 31,
      incomplete: false,
      compression: 'zstd',
      vmemmap: 'all',
      cpus: 1,
      zeroPages: 0,
    });
  });

  it('names the codec of its pages', () => {
    for (const [status, name] of [
      [0, 'none'],
      [1, 'zlib'],
      [2, 'lzo'],
      [4, 'snappy'],
      [0x20, 'zstd'],
    ] as const) {
      assert.equal(open(kdumpFile({ ...twoPages, status })).describe().compression, name);
    }
  });

  it('finds the vmcoreinfo of a version 3 file, which has no notes', () => {
    const dump = open(kdumpFile({ ...twoPages, version: 3, vmcoreinfo: 'OSRELEASE=4.18.0\n' }));
    assert.equal(dump.vmcoreinfo, 'OSRELEASE=4.18.0\n');
    // As a note, so that whoever copies the notes keeps it.
    assert.deepEqual(
      dump.notes.map(({ name, type, data }) => [name, type, new TextDecoder().decode(data)]),
      [['VMCOREINFO', 0, 'OSRELEASE=4.18.0\n']],
    );
  });

  it('knows the machine by its name, and says which it does not read', () => {
    assert.equal(open(kdumpFile({ ...twoPages, machine: 'aarch64' })).arch, 'arm64');
    assert.throws(
      () => open(kdumpFile({ ...twoPages, machine: 's390x' })),
      failsWith('E_UNSUPPORTED', /"s390x" machine/),
    );
  });

  it('tells a file whose writer was stopped, and opens it', () => {
    const whole = kdumpFile({ ...twoPages, status: 8 });
    assert.ok(open(whole).describe().incomplete);
    const dump = open(whole.subarray(0, whole.length - 100));
    assert.equal(dump.memory.state(asPfn(2)), 'present');
    assert.equal(dump.memory.state(asPfn(5)), 'lost');
  });

  it('refuses a file that was cut short, and reads what is there when asked', () => {
    const whole = kdumpFile(twoPages);
    const { descriptorsAt, dataAt } = kdumpLayout(twoPages);
    for (const length of [descriptorsAt, descriptorsAt + 30, dataAt, dataAt + 4096, whole.length - 1]) {
      const cut = whole.subarray(0, length);
      assert.throws(() => open(cut), failsWith('E_TRUNCATED', /the pages reach/), `cut at ${length}`);
      const { memory } = open(cut, 'accept');
      assert.equal(memory.state(asPfn(2)), length >= dataAt + 4096 ? 'present' : 'lost', `cut at ${length}`);
      assert.equal(memory.state(asPfn(5)), 'lost');
      assert.equal(memory.state(asPfn(3)), 'excluded');
      assert.equal(memory.state(asPfn(9)), 'absent');
    }
    for (const length of [8, 463, 464, 4096, 4096 + 104, 8192, descriptorsAt - 4096]) {
      const cut = whole.subarray(0, length);
      assert.throws(() => open(cut, 'accept'), failsWith('E_TRUNCATED'), `cut at ${length}`);
    }
  });

  it('sees the cut behind thousands of zero pages, which all lie at the front', () => {
    const pages = [
      { pfn: 0, data: new Uint8Array(4096) },
      { pfn: 1, data: numberedPage(1) },
    ];
    const spec: KdumpSpec = { maxMapnr: 6000, pages };
    const zeros = Array.from({ length: 4000 }, (_, i) => ({ pfn: 2 + i, offset: 0, size: 4096 }));
    const shared = kdumpLayout({ ...spec, pages: [...pages, ...zeros] }).dataAt;
    const file = kdumpFile({
      ...spec,
      pages: [...pages, ...zeros.map((zero) => ({ ...zero, offset: shared }))],
    });
    assert.equal(open(file).describe().zeroPages, 4001);
    assert.throws(() => open(file.subarray(0, file.length - 1)), failsWith('E_TRUNCATED'));
  });
});
