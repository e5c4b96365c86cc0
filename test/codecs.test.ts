/** Do the C libraries read our lzo and snappy pages, and do we read theirs? On pages of a real kernel, alone and in whole dumps. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { debianMakedumpfile, libkdumpfilePages, newestDrgn, newestMakedumpfile } from '../lab/peers.ts';
import { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../src/base/units.ts';
import { type WasmCodecName, wasmCodecs } from '../src/codecs/wasm.ts';
import type { Dump } from '../src/formats/dump.ts';
import { vmcore } from './command.ts';
import { open, rawDump } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-codecs-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);

const names: readonly WasmCodecName[] = ['lzo', 'snappy'];
const codecs = wasmCodecs();

function presentPfns(dump: Dump): number[] {
  const bitmap = new PfnBitmap(asPfn(0), dump.memory.endPfn);
  dump.memory.markPresent(bitmap);
  return [...bitmap.runs()].flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, i) => start + i),
  );
}

/** Stretches of `size` bytes from all over the crashed machine's memory, none of them all zeros. */
function samplePages(size: number, count: number): Buffer {
  const { memory } = open(rawDump());
  const page = Buffer.alloc(size);
  const samples: Buffer[] = [];
  const step = Math.floor(memory.endPfn / (4 * count));
  for (let pfn = 0; pfn < memory.endPfn && samples.length < count; pfn += step) {
    const isWhole = memory.read(asPaddr(pfn * memory.pageSize), page) === size;
    if (isWhole && page.some((byte) => byte !== 0)) samples.push(Buffer.from(page));
  }
  assert.ok(samples.length > count / 4, `${samples.length} pages`);
  return Buffer.concat(samples);
}

async function throughC(
  direction: 'compress' | 'decompress',
  name: WasmCodecName,
  size: number,
  input: Buffer,
) {
  const script = join(import.meta.dirname, '..', 'lab', 'c-codecs.py');
  writeFileSync(file('in'), input);
  const python = await newestDrgn();
  const run = await python.run([script, direction, name, `${size}`, file('in'), file('out')]);
  assert.equal(run.status, 0, run.stderr);
  return readFileSync(file('out'));
}

for (const name of names) {
  for (const [size, count] of [
    [4096, 4000],
    [16384, 1000],
    [65536, 400],
  ] as const) {
    describe(`${name} pages of ${size} bytes`, () => {
      const pages = samplePages(size, count);

      it('of ours are read by the C library', async () => {
        const records: Buffer[] = [];
        const kept: Buffer[] = [];
        const into = Buffer.alloc(size);
        for (let at = 0; at < pages.length; at += size) {
          const page = pages.subarray(at, at + size);
          const length = codecs[name].compress(page, into);
          // Stored as it is.
          if (length === 0) continue;
          const head = Buffer.alloc(4);
          head.writeUInt32LE(length);
          records.push(head, Buffer.from(into.subarray(0, length)));
          kept.push(page);
        }
        assert.ok(kept.length > 50, `${kept.length} pages shrank`);
        const back = await throughC('decompress', name, size, Buffer.concat(records));
        assert.ok(Buffer.compare(back, Buffer.concat(kept)) === 0);
      });

      it('of the C library are read by ours, and are about as large', async () => {
        const records = await throughC('compress', name, size, pages);
        const back = Buffer.alloc(size);
        let [theirs, ours] = [0, 0];
        for (let at = 0, page = 0; at < records.length; page += size) {
          const length = records.readUInt32LE(at);
          const data = records.subarray(at + 4, at + 4 + length);
          at += 4 + length;
          // Makedumpfile stores such a page as it is, and our memory has no room for more.
          if (length < size) {
            assert.equal(codecs[name].decompress(data, back), size);
            assert.ok(Buffer.compare(back, pages.subarray(page, page + size)) === 0);
          }
          theirs += Math.min(length, size);
          ours += codecs[name].compress(pages.subarray(page, page + size), back) || size;
        }
        assert.ok(ours < 1.02 * theirs, `${ours} bytes, theirs are ${theirs}`);
      });
    });
  }
}

/** Every page that `path` has is as in the raw vmcore. Returns how many there are. */
function comparePages(path: string): number {
  const [raw, dump] = [open(rawDump()), open(path)];
  const [a, b] = [new Uint8Array(dump.memory.pageSize), new Uint8Array(dump.memory.pageSize)];
  const pfns = presentPfns(dump);
  for (const pfn of pfns) {
    const paddr = asPaddr(pfn * a.length);
    assert.equal(dump.memory.read(paddr, a), a.length, `page ${pfn}`);
    assert.equal(raw.memory.read(paddr, b), b.length);
    assert.ok(Buffer.compare(a, b) === 0, `page ${pfn}`);
  }
  return pfns.length;
}

describe('whole dumps', () => {
  for (const [option, name] of [
    ['-l', 'lzo'],
    ['-p', 'snappy'],
  ] as const) {
    it(`with ${option}: libkdumpfile reads every page of ours`, async () => {
      const ours = file(`ours-${name}`);
      const run = vmcore('makedumpfile', option, '-d', '31', rawDump(), ours);
      assert.equal(run.status, 0, run.stderr);
      assert.ok(comparePages(ours) > 5000);
      const dump = open(ours);
      const pfns = presentPfns(dump).filter((pfn) => pfn % 3 === 0);
      const answers = await libkdumpfilePages(ours, dump.memory.pageSize, pfns);
      const raw = await libkdumpfilePages(rawDump(), dump.memory.pageSize, pfns);
      assert.ok([...answers.values()].every((answer) => 'sha256' in answer));
      assert.deepEqual(answers, raw);
    });
  }

  for (const [age, peer] of [
    ['this machine', async () => debianMakedumpfile()],
    ['the newest Debian', newestMakedumpfile],
  ] as const) {
    // Debian builds makedumpfile without snappy.
    it(`with -l: the makedumpfile of ${age} reads ours, and we read its`, async () => {
      const makedumpfile = await peer();
      const run = await makedumpfile.run(['--dump-dmesg', file('ours-lzo'), file(`${age}.dmesg`)]);
      assert.equal(run.status, 0, run.stderr);
      const again = await makedumpfile.run(['-l', '-d', '31', file('ours-lzo'), file(`${age}.again`)]);
      assert.equal(again.status, 0, again.stderr);
      const made = await makedumpfile.run(['-l', '-d', '31', rawDump(), file(`${age}.lzo`)]);
      assert.equal(made.status, 0, made.stderr);
      const pages = comparePages(file(`${age}.lzo`));
      assert.equal(pages, comparePages(file('ours-lzo')));
      assert.equal(comparePages(file(`${age}.again`)), pages);
    });
  }
});
