import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { VmcoreError } from '../../../base/errors.ts';
import type { Segment } from '../segment.ts';
import { arm64Listing } from './code-arm64.ts';
import { x86Listing } from './code-x86_64.ts';
import { codeOf, formatListing } from './listing.ts';
import { checkLayout, lastBlock, parametersLayout, sizeofCheck } from './parameters.ts';
import { hasShaInstructions } from './sha-instructions.ts';
import { type TrampolineOptions, trampoline, trampolineSize } from './trampoline.ts';

const initrd: Segment = {
  name: 'initrd',
  data: Uint8Array.from({ length: 5000 }, (_, i) => i),
  address: 0x2000_0000,
  size: 8192,
};
const options: TrampolineOptions = {
  arch: 'arm64',
  pageSize: 4096,
  address: 0x1_4000_0000,
  kernelEntry: 0x1_4020_0000,
  argument: 0x1_4700_0000,
  console: { kind: 'pl011', address: 0x900_0000 },
  checked: [initrd],
  shaInstructions: true,
};
const codes = { x86_64: codeOf(x86Listing), arm64: codeOf(arm64Listing) };
const viewOf = (data: Uint8Array): DataView => new DataView(data.buffer, data.byteOffset, data.length);

describe('listing', () => {
  test('holds the bytes that it was made of', () => {
    const code = Uint8Array.from({ length: 40 }, (_, i) => i);
    const text = formatListing(code, [
      { address: 0, source: 'start:' },
      { address: 0, source: '    cli' },
      { address: 1, source: '    .zero 39' },
    ]);
    assert.deepEqual(codeOf(text), code);
    assert.equal(text.split('\n')[1], '0000 00                   cli');
  });

  test('with a line missing is not taken', () => {
    const lines = x86Listing.split('\n');
    assert.throws(() => codeOf(lines.toSpliced(20, 1).join('\n')), /gap/);
  });
});

describe('parameters', () => {
  const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

  for (const arch of ['x86_64', 'arm64'] as const) {
    test(`${arch}.S has the same offsets`, () => {
      const source = readFileSync(join(import.meta.dirname, `${arch}.S`), 'utf8');
      const known: Readonly<Record<string, number>> = Object.fromEntries(
        Object.entries({ ...parametersLayout, ...checkLayout, sizeofCheck }).map(([name, offset]) => [
          snake(name),
          offset,
        ]),
      );
      const [, structs = ''] = /struct parameters\n([\s\S]*?)\n\n.*?(?:frame|whole run)/.exec(source) ?? [];
      const named = [...structs.matchAll(/\.set\t(\w+), (\d+)/g)];
      assert.ok(named.length > 10);
      for (const [, name = '', offset] of named) assert.equal(Number(offset), known[name], name);
    });
  }

  test('the last block is a one, zeros and the length in bits', () => {
    const hex = `80${'00'.repeat(55)}0000000000000400`;
    assert.equal(Buffer.from(lastBlock(2)).toString('hex'), hex);
  });
});

describe('trampoline', () => {
  test('is code, parameters, and a check of each segment and of itself', () => {
    const { segment, entry } = trampoline(options);
    assert.equal(entry, options.address);
    assert.equal(segment.size, trampolineSize(options));
    assert.equal(segment.size % 4096, 0);
    const code = codes.arm64;
    assert.deepEqual(segment.data.subarray(0, code.length), code);
    const view = viewOf(segment.data);
    assert.equal(view.getBigUint64(code.length + parametersLayout.kernelEntry, true), 0x1_4020_0000n);
    assert.equal(view.getBigUint64(code.length + parametersLayout.argument, true), 0x1_4700_0000n);
    assert.equal(view.getUint32(code.length + parametersLayout.checkCount, true), 2);

    const own = segment.data.length - sizeofCheck;
    assert.equal(view.getBigUint64(own + checkLayout.address, true), 0x1_4000_0000n);
    assert.equal(view.getBigUint64(own + checkLayout.blocks, true), BigInt(own / 64));
    const first = own - sizeofCheck;
    const words = Buffer.from(segment.data.slice(first + checkLayout.digest, first + checkLayout.lastBlock));
    const memory = new Uint8Array(initrd.size);
    memory.set(initrd.data);
    assert.equal(words.swap32().toString('hex'), createHash('sha256').update(memory).digest('hex'));
  });

  test('names the segment in its message, in ASCII', () => {
    const { segment } = trampoline({ ...options, checked: [{ ...initrd, name: 'ïnitrd\n' }] });
    const text = Buffer.from(segment.data).toString('latin1');
    assert.match(
      text,
      /vmcore: segment \?nitrd\? of the loaded kernel is damaged \(sha256\): not booted\r\n/,
    );
  });

  test('has nothing to check without segments, not even itself', () => {
    const { segment } = trampoline({ ...options, checked: [] });
    const at = codes.arm64.length + parametersLayout.checkCount;
    assert.equal(viewOf(segment.data).getUint32(at, true), 0);
  });

  test('has its stack and spare page tables in zeros on x86_64', () => {
    const { segment } = trampoline({ ...options, arch: 'x86_64', console: { kind: 'port', port: 0x3f8 } });
    const header = codes.x86_64.length;
    const view = viewOf(segment.data);
    assert.equal(view.getUint32(header + parametersLayout.stackTop, true) + header, segment.size);
    const spare = view.getUint32(header + parametersLayout.sparePages, true) + header;
    assert.equal(spare % 4096, 0);
    assert.ok(spare >= segment.data.length && spare + 4 * 4096 <= segment.size);
  });

  test('takes a whole page of a kernel with large ones', () => {
    assert.equal(trampolineSize({ ...options, pageSize: 65536 }), 65536);
  });

  test('refuses a console that the machine cannot have', () => {
    const refused = (error: unknown): boolean =>
      error instanceof VmcoreError && error.code === 'E_UNSUPPORTED';
    assert.throws(() => trampoline({ ...options, console: { kind: 'port', port: 0x3f8 } }), refused);
    assert.throws(() => trampoline({ ...options, arch: 'x86_64' }), refused);
  });

  test('refuses segments that are not whole blocks', () => {
    assert.throws(() => trampoline({ ...options, checked: [{ ...initrd, size: 5000 }] }), /initrd/);
  });
});

describe('instructions for SHA-256', () => {
  test('are told by /proc/cpuinfo', () => {
    const amd = 'processor\t: 0\nflags\t\t: fpu sse2 ssse3 sse4_1 sha_ni\nbugs\t\t: sha_ni\n';
    assert.equal(hasShaInstructions('x86_64', amd), true);
    assert.equal(hasShaInstructions('x86_64', amd.replace('sha_ni\nb', 'sse4_2\nb')), false);
    const arm = 'processor\t: 0\nFeatures\t: fp asimd aes sha1 sha2 crc32\n';
    assert.equal(hasShaInstructions('arm64', arm), true);
    assert.equal(hasShaInstructions('arm64', arm + arm.replace('sha2', 'sha3')), false);
    assert.equal(hasShaInstructions('arm64', amd), false);
  });
});
