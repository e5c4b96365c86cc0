import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { concat, noteBytes, vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { assertNoOverlap, MemorySink } from '../../test/support/memory-sink.ts';
import { nodeZlibCodec } from '../../test/support/node-zlib-codec.ts';
import { BatchBuilder } from '../../test/support/page-batch.ts';
import { noisePage, numberedPage } from '../../test/support/pages.ts';
import { MemorySource } from '../base/byte-source.ts';
import { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import { type KdumpContents, KdumpWriter } from './kdump-writer.ts';
import { openDump } from './open.ts';

const bitmapOf = (end: number, pfns: readonly number[]): PfnBitmap => {
  const bitmap = new PfnBitmap(asPfn(0), asPfn(end));
  for (const pfn of pfns) bitmap.setRange(pfn, pfn + 1);
  return bitmap;
};
const infoText = new TextEncoder().encode('OSRELEASE=6.1.0-test\n');

function contentsOf(maxMapnr: number): KdumpContents {
  return {
    utsname: {
      sysname: 'Linux',
      nodename: 'n'.repeat(80),
      release: '6.1.0-test',
      version: '#1',
      machine: 'x86_64',
      domainname: '(none)',
    },
    timestamp: 1_700_000_000,
    pageSize: 4096,
    littleEndian: true,
    cpus: 2,
    physBase: -62914560n,
    dumpLevel: 31,
    notes: [
      { name: 'CORE', type: 1, data: new Uint8Array(5).fill(7) },
      { name: 'VMCOREINFO', type: 0, data: infoText },
    ],
    endPfn: asPfn(maxMapnr),
    codec: 'zlib',
    vmemmap: 'all',
  };
}

/** Starts a dump of one window: headers, bitmaps, and room for the descriptors. */
function begin(
  sink: MemorySink,
  contents: KdumpContents,
  ram: readonly number[],
  kept: readonly number[],
): KdumpWriter {
  const writer = new KdumpWriter(sink, contents);
  writer.addBitmaps(bitmapOf(contents.endPfn, ram), bitmapOf(contents.endPfn, kept));
  writer.beginPages(kept.length, undefined);
  return writer;
}
const noise = noisePage();

/** A whole dump: page frames 1 to 6 are RAM, 2 deflates, 3 does not, 4 and 6 are zeros, 5 is lost. */
function written(sink = new MemorySink()): MemorySink {
  const writer = begin(sink, contentsOf(40), [1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6]);
  writer.addBatch(new BatchBuilder(nodeZlibCodec).page(numberedPage(2)).page(noise).zero().batch());
  writer.addBatch(new BatchBuilder(nodeZlibCodec).lost().zero().batch());
  writer.finish('complete');
  return sink;
}

describe('a kdump file that we write', () => {
  const file = written().bytes();
  const view = new DataView(file.buffer);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  const text = (at: number, length: number): string =>
    new TextDecoder().decode(file.subarray(at, at + length));

  it('has the disk_dump_header of version 6 in block 0', () => {
    assert.equal(text(0, 8), 'KDUMP   ');
    assert.equal(u32(8), 6);
    assert.equal(text(12, 6), 'Linux\0');
    assert.equal(text(12 + 65, 65), `${'n'.repeat(64)}\0`, 'a long name is cut, and ends');
    assert.equal(text(12 + 4 * 65, 7), 'x86_64\0');
    assert.equal(u64(408), 1_700_000_000);
    assert.equal(u32(424), 1, 'status: zlib, complete');
    assert.equal(u32(428), 4096);
    assert.equal(u32(432), 1, 'blocks of the sub header');
    assert.equal(u32(436), 2, 'blocks of both bitmaps');
    assert.equal(u32(440), 40);
    assert.equal(u32(460), 2);
  });

  it('has the kdump_sub_header in block 1, with the notes behind it', () => {
    const notes = concat(
      noteBytes('CORE', 1, new Uint8Array(5).fill(7)),
      vmcoreinfoNote('OSRELEASE=6.1.0-test\n'),
    );
    assert.equal(view.getBigInt64(4096, true), -62914560n, 'phys_base, signed');
    assert.equal(u32(4096 + 8), 31);
    assert.equal(u32(4096 + 12), 0, 'not split');
    assert.equal(u64(4096 + 48), 4096 + 104);
    assert.equal(u64(4096 + 56), notes.length);
    assert.equal(u64(4096 + 96), 40);
    assert.deepEqual(file.subarray(4096 + 104, 4096 + 104 + notes.length), notes);
    assert.equal(text(u64(4096 + 32), u64(4096 + 40)), 'OSRELEASE=6.1.0-test\n', 'offset_vmcoreinfo');
  });

  it('has the bitmaps in blocks of their own, then 24 bytes for each page, then the pages', () => {
    assert.equal(file[8192], 0b0111_1110, 'bitmap 1: RAM');
    assert.equal(file[12288], 0b0111_1100, 'bitmap 2: pages in the file');
    const descriptors = [0, 1, 2, 3, 4].map((n) => {
      const at = 16384 + 24 * n;
      return { offset: u64(at), size: u32(at + 8), flags: u32(at + 12), pageFlags: u64(at + 16) };
    });
    const zeroAt = 16384 + 5 * 24;
    const dataAt = zeroAt + 4096;
    const small = zlib.deflateSync(numberedPage(2), { level: 1 }).length;
    const zeros = { offset: zeroAt, size: 4096, flags: 0, pageFlags: 0 };
    assert.deepEqual(descriptors, [
      { offset: dataAt, size: small, flags: 1, pageFlags: 0 },
      { offset: dataAt + small, size: 4096, flags: 0, pageFlags: 0 },
      zeros,
      { offset: 0, size: 0, flags: 0, pageFlags: 0 },
      zeros,
    ]);
    assert.deepEqual(
      new Uint8Array(zlib.inflateSync(file.subarray(dataAt, dataAt + small))),
      numberedPage(2),
    );
    assert.deepEqual(
      file.subarray(dataAt + small, dataAt + small + 4096),
      noise,
      'stored: it would not shrink',
    );
    assert.ok(file.subarray(zeroAt, dataAt).every((byte) => byte === 0));
    assert.equal(file.length, dataAt + small + 4096, 'nothing behind the last page');
  });
});

describe('a kdump file whose writer is stopped', () => {
  it('says of itself that it is incomplete, until the very last write', () => {
    const sink = written();
    for (let count = 1; count < sink.writes.length; count++) {
      const status = new DataView(sink.bytes(count).buffer).getUint32(424, true);
      assert.equal(status, 0x8 | 0x1, `after write ${count}`);
    }
    assert.equal(new DataView(sink.bytes().buffer).getUint32(424, true), 0x1);
  });

  it('never has a descriptor whose data is not there yet', () => {
    const count = 9000;
    const pfns = Array.from({ length: count }, (_, pfn) => pfn);
    const sink = new MemorySink();
    const writer = begin(sink, { ...contentsOf(count), codec: undefined }, pfns, pfns);
    const reserved = sink.writes.length;
    const step = 300;
    for (let pfn = 0; pfn < count; pfn += step) {
      const batch = new BatchBuilder(undefined);
      for (let i = 0; i < step; i++) batch.page(numberedPage(pfn + i));
      writer.addBatch(batch.batch());
    }
    writer.finish('complete');
    const descriptorsAt = 4 * 4096;
    const dataAt = descriptorsAt + 24 * count;
    assert.ok(sink.bytes(reserved).length >= dataAt, 'the room of the descriptors is taken first');
    let dataEnd = 0;
    let described = 0;
    for (const { offset, bytes } of sink.writes.slice(reserved)) {
      if (offset >= dataAt) dataEnd = offset + bytes.length;
      else if (offset >= descriptorsAt) {
        const view = new DataView(bytes.buffer);
        for (let at = 0; at < bytes.length; at += 24, described++) {
          assert.ok(Number(view.getBigUint64(at, true)) + 4096 <= dataEnd, `descriptor ${described}`);
        }
      }
    }
    assert.equal(described, count);
  });

  it('can be opened even when the space ends before the bitmaps are written', () => {
    const sink = written();
    // Header, notes, room for the bitmaps.
    const dump = openDump(new MemorySource(sink.bytes(3)), { codecs: {}, cutShort: 'refuse' });
    assert.ok(dump.describe().incomplete);
    assert.equal(dump.vmcoreinfo, 'OSRELEASE=6.1.0-test\n');
  });

  it('can be opened after any write, and answers what it has and what it lost', () => {
    const sink = written();
    // Header, notes, room for the bitmaps, and both bitmaps come first.
    for (let count = 5; count <= sink.writes.length; count++) {
      const dump = openDump(new MemorySource(sink.bytes(count)), {
        codecs: { zlib: nodeZlibCodec },
        cutShort: 'refuse',
      });
      for (const pfn of [2, 3, 4, 5, 6]) {
        const state = dump.memory.state(asPfn(pfn));
        assert.ok(state === 'present' || state === 'lost', `${state} after ${count} writes`);
      }
    }
  });
});

describe('what we write and read again', () => {
  const kinds = fc.constantFrom('numbered', 'zero', 'noise', 'lost', 'excluded', 'no RAM');
  it('is the same memory, for any mix of pages, also none at all', () => {
    fc.assert(
      fc.property(fc.array(kinds, { minLength: 1, maxLength: 60 }), fc.boolean(), (pages, compress) => {
        const pfnsOf = (...without: string[]): number[] =>
          pages.flatMap((kind, pfn) => (without.includes(kind) ? [] : [pfn]));
        const sink = new MemorySink();
        const contents = { ...contentsOf(pages.length), codec: compress ? ('zlib' as const) : undefined };
        const writer = begin(sink, contents, pfnsOf('no RAM'), pfnsOf('no RAM', 'excluded'));
        const batch = new BatchBuilder(compress ? nodeZlibCodec : undefined);
        pages.forEach((kind, pfn) => {
          if (kind === 'numbered') batch.page(numberedPage(pfn));
          else if (kind === 'noise') batch.page(noise);
          else if (kind === 'zero') batch.zero();
          else if (kind === 'lost') batch.lost();
        });
        writer.addBatch(batch.batch());
        writer.finish('complete');
        const dump = openDump(new MemorySource(sink.bytes()), {
          codecs: { zlib: nodeZlibCodec },
          cutShort: 'refuse',
        });
        const bytes = { numbered: undefined, zero: new Uint8Array(4096), noise };
        pages.forEach((kind, pfn) => {
          const into = new Uint8Array(4096);
          const got = dump.memory.read(asPaddr(pfn * 4096), into);
          const state = dump.memory.state(asPfn(pfn));
          if (kind === 'excluded' || kind === 'lost') assert.equal(state, kind);
          else if (kind === 'no RAM') assert.equal(state, 'absent');
          else {
            assert.equal(state, 'present');
            assert.equal(got, 4096);
            assert.deepEqual(into, bytes[kind] ?? numberedPage(pfn));
          }
        });
        assert.equal(dump.memory.endPfn, pages.length);
        assert.equal(dump.vmcoreinfo, 'OSRELEASE=6.1.0-test\n');
        const zeros = pages.filter((kind) => kind === 'zero').length;
        if (zeros > 1) assert.equal(dump.describe().zeroPages, zeros);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a kdump file that goes down a stream', () => {
  it('is the same file, and has every byte but once', () => {
    const stream = written(new MemorySink(false));
    assert.deepEqual(stream.bytes(), written().bytes());
    assertNoOverlap(stream);
    assert.equal(stream.bytes(1)[424], 1, 'status: as it will be in the end');
  });

  it('says at the end when pages were lost', () => {
    const sink = new MemorySink(false);
    const writer = begin(sink, contentsOf(40), [1, 2], [2]);
    writer.addBatch(new BatchBuilder(nodeZlibCodec).lost().batch());
    writer.finish('incomplete');
    assert.equal(sink.bytes()[424], 1 | 8);
  });
});
