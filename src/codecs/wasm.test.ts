import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nativeCodecs } from './native.ts';
import {
  scratchBytes,
  slackBytes,
  type WasmCodecName,
  type WasmCompressorName,
  wasmCodecs,
  wasmPages,
} from './wasm.ts';

const names: readonly WasmCodecName[] = ['lzo', 'snappy'];
const compressors: readonly WasmCompressorName[] = [...names, 'zlib', 'zstd'];
const codecs = wasmCodecs();
/** zlib and zstd themselves read what we write as theirs. */
const { zlib, zstd } = nativeCodecs();
const decompressors = { ...codecs, zlib, zstd };

/** Numbers that look random and are always the same. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed >>> 0 || 1;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

type MakePage = (length: number, seed: number) => Uint8Array;
/** Kinds of pages, as makers of one of any size. */
const kinds: Readonly<Record<string, MakePage>> = {
  noise,
  zeros: (length) => new Uint8Array(length),
  // One run to the very end, that is broken in the last bytes.
  'broken fill': (length, seed) => new Uint8Array(length).fill(seed).fill(seed + 1, length - 1 - (seed % 30)),
  text: (length, seed) => {
    const words = ['struct ', 'page ', 'the ', 'kernel', ' of', ' lock', ', ', '\n', '->', 'flags'];
    const text = [...noise(length, seed)].map((byte) => words[byte % words.length]!).join('');
    return new TextEncoder().encode(text.slice(0, length));
  },
  // Kernel pointers: eight bytes, of which the upper ones are mostly the same, between small numbers.
  pointers: (length, seed) => {
    const page = noise(length, seed);
    for (let at = 0; at < length; at += 8) {
      const isPointer = page[at]! % 3 > 0;
      page.fill(isPointer ? 0xff : 0, at + (isPointer ? 3 : 2), at + 8);
      if (isPointer) page[at + 3] = 0x88;
    }
    return page;
  },
  // Noise that comes again, near and far.
  echo: (length, seed) => {
    const page = noise(length, seed);
    for (let at = 64; at < length; ) {
      const size = 3 + (page[at]! % 70);
      const distance = 1 + ((page[at]! * 257 + page[at - 1]!) % at);
      page.copyWithin(at, at - distance, Math.min(length, at - distance + size));
      at += size;
    }
    return page;
  },
  runs: (length, seed) => {
    const page = new Uint8Array(length);
    const bytes = noise(length, seed);
    for (let at = 0, i = 0; at < length; i += 2) {
      const end = at + 1 + (bytes[i]! % 40);
      page.fill(bytes[i + 1]! % 4, at, end);
      at = end;
    }
    return page;
  },
};

const roundTrip = (name: WasmCodecName, page: Uint8Array): number => {
  const into = new Uint8Array(page.length);
  const size = codecs[name].compress(page, into);
  if (size > 0) {
    const back = new Uint8Array(page.length);
    assert.equal(codecs[name].decompress(into.subarray(0, size), back), page.length);
    assert.ok(Buffer.compare(back, page) === 0);
  }
  return size;
};

for (const name of names) {
  describe(`the ${name} codec`, () => {
    for (const [kind, make] of Object.entries(kinds)) {
      it(`gives back pages of ${kind}`, () => {
        for (const length of [4096, 16384, 65536]) {
          for (let seed = 1; seed <= 12; seed++) {
            const size = roundTrip(name, make(length, seed));
            assert.ok(
              kind === 'noise' ? size === 0 : size > 0 && size < length,
              `${length}, ${seed}: ${size}`,
            );
          }
        }
      });
    }

    it('gives back pieces of any length', () => {
      const page = kinds.pointers!(4096, 5);
      const zeros = new Uint8Array(4096);
      for (let length = 0; length < 300; length++) {
        roundTrip(name, page.subarray(0, length));
        roundTrip(name, zeros.subarray(0, length));
      }
      assert.ok(roundTrip(name, zeros.subarray(0, 64)) > 0);
    });

    it('gives back any page made of runs and repetitions', () => {
      const step = fc.tuple(fc.nat(255), fc.nat(400), fc.nat(65535));
      fc.assert(
        fc.property(
          fc.array(step, { maxLength: 200 }),
          fc.constantFrom(4096, 16384, 65536),
          (steps, length) => {
            const page = noise(length, 7);
            let at = 1;
            for (const [value, size, back] of steps) {
              if (value < 60) page.fill(value, at, at + size);
              else if (value < 200) page.copyWithin(at, at - 1 - (back % at), at + size - 1 - (back % at));
              at = 1 + ((at + size) % (length - 1));
            }
            roundTrip(name, page);
          },
        ),
        { numRuns: 100 },
      );
    });

    it('says 0 when the result does not fit', () => {
      const page = kinds.text!(4096, 3);
      const size = codecs[name].compress(page, new Uint8Array(4096));
      assert.equal(codecs[name].compress(page, new Uint8Array(size)), size);
      assert.equal(codecs[name].compress(page, new Uint8Array(size - 1)), 0);
      assert.equal(codecs[name].compress(new Uint8Array(65537), new Uint8Array(65537)), 0);
    });

    it('reads nothing of a stream that is cut anywhere, and no more than there is room for', () => {
      const page = kinds.pointers!(4096, 9);
      const into = new Uint8Array(4096);
      const stream = into.subarray(0, codecs[name].compress(page, into));
      const back = new Uint8Array(4096);
      for (let length = 0; length < stream.length; length++) {
        assert.equal(codecs[name].decompress(stream.subarray(0, length), back), 0, `${length}`);
      }
      for (let room = 0; room < 4096; room++) {
        assert.equal(codecs[name].decompress(stream, back.subarray(0, room)), 0, `${room}`);
      }
      assert.equal(codecs[name].decompress(stream, back), 4096);
    });
  });
}

const bytesOf = (...parts: readonly (string | number)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? [...part].map((c) => c.charCodeAt(0)) : [part])),
  );

function decompressed(name: WasmCodecName, stream: Uint8Array): string | undefined {
  const page = new Uint8Array(65536);
  const size = codecs[name].decompress(stream, page);
  return size === 0 ? undefined : String.fromCharCode(...page.subarray(0, size));
}

describe('lzo streams written by hand, from lzo.rst', () => {
  const end = [0x11, 0, 0] as const;
  const abc = 'abcdefghijklmnopqrstuvwxyz';
  const vectors: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    'first byte: 4 literals': [bytesOf(21, 'abcd', ...end), 'abcd'],
    'first byte: 1 literal, then 2 bytes from close by': [bytesOf(18, 'a', 0x00, 0, ...end), 'aaa'],
    'literals by an instruction': [bytesOf(1, 'abcd', ...end), 'abcd'],
    'more literals': [bytesOf(0, 8, abc, ...end), abc],
    '273 literals and 1 more': [bytesOf(0, 0, 1, 'x'.repeat(274), ...end), 'x'.repeat(274)],
    '3 bytes within 2 kB, with literals behind': [bytesOf(21, 'abcd', 0x4d, 0, 'y', ...end), 'abcdabcy'],
    '8 bytes within 2 kB': [bytesOf(21, 'abcd', 0xec, 0, ...end), 'abcdabcdabcd'],
    '5 bytes, one back': [bytesOf(21, 'abcd', 0x80, 0, ...end), 'abcdddddd'],
    '33 bytes within 16 kB': [bytesOf(21, 'abcd', 0x3f, 4, 0, ...end), `abcd${'cd'.repeat(16)}c`],
    'more bytes within 16 kB': [bytesOf(21, 'abcd', 0x20, 7, 8, 0, ...end), `abcd${'bcd'.repeat(13)}b`],
    '2 literals, then 2 bytes from 1 kB': [
      bytesOf(21, 'abcd', 0x42, 0, 'yz', 0x08, 0, ...end),
      'abcddddyzdy',
    ],
  };
  for (const [what, [stream, page]] of Object.entries(vectors)) {
    it(what, () => assert.equal(decompressed('lzo', stream), page));
  }

  it('3 bytes from beyond 2 kB, after a run', () => {
    const run = String.fromCharCode(...noise(2060, 4));
    const rest = 2060 - 18;
    const stream = bytesOf(
      0,
      ...Array<number>(Math.floor(rest / 255)).fill(0),
      rest % 255,
      run,
      0x04,
      1,
      ...end,
    );
    assert.equal(decompressed('lzo', stream), run + run.slice(2060 - 2054, 2060 - 2051));
  });

  it('from beyond 16 kB, near and far', () => {
    const run = String.fromCharCode(...noise(40000, 6));
    const rest = 40000 - 18;
    const literals = [0, ...Array<number>(Math.floor(rest / 255)).fill(0), rest % 255, run] as const;
    const near = bytesOf(...literals, 0x13, 20, 0, ...end);
    assert.equal(decompressed('lzo', near), run + run.slice(40000 - 16389, 40000 - 16384));
    const far = bytesOf(...literals, 0x18, 2, 20, 0, ...end);
    assert.equal(decompressed('lzo', far), run + run.slice(40000 - 32773, 40000 - 32762));
  });

  for (const [what, stream] of Object.entries({
    'no end': bytesOf(21, 'abcd'),
    'bytes behind the end': bytesOf(21, 'abcd', ...end, 0),
    'a repetition from before the start': bytesOf(21, 'abcd', 0x50, 0, ...end),
    'a repetition first': bytesOf(0x40, 0, ...end),
    'the end at once': bytesOf(...end),
    'an endless length': bytesOf(21, 'abcd', 0x20, ...Array<number>(500).fill(0)),
    'more literals than there are': bytesOf(30, 'abcd', ...end),
  })) {
    it(`refuses ${what}`, () => assert.equal(decompressed('lzo', stream), undefined));
  }
});

describe('snappy blocks written by hand, from format_description.txt', () => {
  const vectors: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    'a literal': [bytesOf(4, 3 << 2, 'abcd'), 'abcd'],
    'a literal with one byte of length': [bytesOf(70, 60 << 2, 69, 'x'.repeat(70)), 'x'.repeat(70)],
    'a literal with two bytes of length': [
      bytesOf(0xac, 2, 61 << 2, 43, 1, 'x'.repeat(300)),
      'x'.repeat(300),
    ],
    'a literal with four bytes of length': [bytesOf(4, 63 << 2, 3, 0, 0, 0, 'abcd'), 'abcd'],
    'a copy with one byte of offset': [bytesOf(8, 3 << 2, 'abcd', 1, 4), 'abcdabcd'],
    'a copy that overlaps itself': [bytesOf(12, 3 << 2, 'abcd', 1 | (4 << 2), 2), 'abcdcdcdcdcd'],
    'a copy with two bytes of offset': [
      bytesOf(67, 2 << 2, 'abc', 2 | (63 << 2), 3, 0),
      `${'abc'.repeat(22)}a`,
    ],
    'a copy with four bytes of offset': [bytesOf(5, 2 << 2, 'abc', 3 | (1 << 2), 2, 0, 0, 0), 'abcbc'],
  };
  for (const [what, [block, page]] of Object.entries(vectors)) {
    it(what, () => assert.equal(decompressed('snappy', block), page));
  }
  it('a copy from further than a byte reaches', () => {
    const literal = String.fromCharCode(...noise(1000, 8));
    const block = bytesOf(0xec, 7, 61 << 2, 0xe7, 3, literal, 1 | (3 << 5), 0xe8 - 0x100 + 0x100);
    assert.equal(decompressed('snappy', block), literal + literal.slice(0, 4));
  });
  for (const [what, block] of Object.entries({
    nothing: bytesOf(),
    'a length without end': bytesOf(0x80, 0x80, 0x80, 0x80, 0x80),
    'a length above the page': bytesOf(0x81, 0x80, 4, 3 << 2, 'abcd'),
    'fewer bytes than it says': bytesOf(5, 3 << 2, 'abcd'),
    'more bytes than it says': bytesOf(3, 3 << 2, 'abcd'),
    'an offset of 0': bytesOf(8, 3 << 2, 'abcd', 1, 0),
    'an offset before the start': bytesOf(8, 3 << 2, 'abcd', 1, 5),
    'a literal of 2^32 bytes': bytesOf(4, 63 << 2, 255, 255, 255, 255, 'abcd'),
    'a copy that is cut': bytesOf(8, 3 << 2, 'abcd', 2, 4),
  })) {
    it(`refuses ${what}`, () => assert.equal(decompressed('snappy', block), undefined));
  }
});

/** A memory full of 0xaa with its scratch at 64; shared or not. */
function memoryOf(megabytes: number, shared: boolean): { memory: WebAssembly.Memory; bytes: Uint8Array } {
  const size = megabytes * 16;
  const memory = new WebAssembly.Memory(
    shared ? { initial: size, maximum: size, shared } : { initial: size },
  );
  const bytes = new Uint8Array(memory.buffer).fill(0xaa);
  return { memory, bytes };
}

describe('hostile data', () => {
  const inputAt = 3 * 65536;
  const outputAt = 5 * 65536;
  const { memory, bytes } = memoryOf(1, false);
  const pages = wasmPages(memory, 64);
  const before = bytes.slice();

  /** Decompresses and looks at every byte of the memory. */
  function attempt(name: WasmCodecName, data: Uint8Array, room: number): void {
    bytes.set(data, inputAt);
    before.set(data, inputAt);
    const size = pages.decompress(name, inputAt, data.length, outputAt, room);
    assert.ok(size >= 0 && size <= room);
    bytes.fill(0xaa, outputAt, outputAt + room);
    assert.ok(Buffer.compare(bytes, before) === 0, 'a byte outside its room was written');
  }

  for (const name of names) {
    it(`in ${name}: writes nothing outside its room, and ends`, () => {
      const into = new Uint8Array(4096);
      const streams = ['pointers', 'echo', 'runs'].map((kind) => {
        const size = codecs[name].compress(kinds[kind]!(4096, 2), into);
        return into.slice(0, size);
      });
      const flips = fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { minLength: 1, maxLength: 6 });
      const damaged = fc
        .tuple(fc.constantFrom(...streams), flips, fc.nat(4095))
        .map(([stream, where, cut]) => {
          const copy = stream.slice(0, Math.max(1, stream.length - (cut % 2 === 0 ? 0 : cut)));
          for (const [at, value] of where) copy[at % copy.length] = value;
          return copy;
        });
      const any = fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged);
      fc.assert(
        fc.property(any, fc.constantFrom(4096, 4095, 1000, 17, 1, 0), (data, room) =>
          attempt(name, data, room),
        ),
        { numRuns: 500 },
      );
    });
  }
});

describe('batches', () => {
  const pageSize = 4096;
  const kindsInTurn = ['pointers', 'zeros', 'noise', 'text', 'zeros', 'runs', 'echo', 'noise'];
  const batch = kindsInTurn.map((kind, i) => kinds[kind]!(pageSize, i + 1));
  const inputAt = 65536 * 3;
  const outputAt = 65536 * 6;
  const sizesAt = outputAt + batch.length * pageSize + slackBytes;

  function compressed(name: WasmCompressorName, skipZeros: 0 | 1, shared = false) {
    const { memory, bytes } = memoryOf(1, shared);
    batch.forEach((page, i) => void bytes.set(page, inputAt + i * pageSize));
    const before = bytes.slice();
    const pages = wasmPages(memory, 64);
    const run = (): number =>
      pages.compressPages(name, inputAt, batch.length, pageSize, outputAt, sizesAt, skipZeros);
    const written = run();
    const output = bytes.slice(outputAt, outputAt + written);
    assert.equal(run(), written);
    assert.deepEqual(bytes.slice(outputAt, outputAt + written), output, 'the same pages give the same bytes');
    const sizes = [...new Uint32Array(memory.buffer, sizesAt, batch.length)];
    bytes.fill(0xaa, 64, 64 + scratchBytes);
    bytes.fill(0xaa, outputAt, sizesAt + 4 * batch.length);
    assert.ok(Buffer.compare(bytes, before) === 0, 'a byte outside its areas was written');
    return { output, sizes, written };
  }

  for (const name of compressors) {
    for (const skipZeros of [0, 1] as const) {
      it(`of ${name}, zeros ${skipZeros ? 'left out' : 'compressed'}: packed one after the other`, () => {
        const { output, sizes, written } = compressed(name, skipZeros);
        assert.equal(
          sizes.reduce((sum, size) => sum + size, 0),
          written,
        );
        let at = 0;
        kindsInTurn.forEach((kind, i) => {
          const size = sizes[i]!;
          const data = output.subarray(at, at + size);
          at += size;
          if (kind === 'zeros' && skipZeros) assert.equal(size, 0);
          else if (kind === 'noise') {
            assert.equal(size, pageSize);
            assert.deepEqual(data, batch[i]);
          } else {
            assert.ok(size > 0 && size < pageSize);
            const back = new Uint8Array(pageSize);
            assert.equal(decompressors[name].decompress(data, back), pageSize);
            assert.deepEqual(back, batch[i]);
          }
        });
      });
    }

    it(`of ${name} are the same in a shared memory`, () => {
      assert.deepEqual(compressed(name, 1, true), compressed(name, 1));
    });

    it(`of ${name} hold no page that is larger than it was`, () => {
      const { memory, bytes } = memoryOf(1, false);
      const pages = wasmPages(memory, 64);
      for (const length of [4096, 65536]) {
        const sizes = new Set<number>();
        for (let zeros = 0; zeros < 400; zeros++) {
          // Hardly compressible: some zeros, then noise to the end.
          bytes.set(noise(length, zeros + 1).fill(0, 0, zeros), inputAt);
          const size = pages.compressPages(name, inputAt, 1, length, outputAt, inputAt - 64, 0);
          assert.ok(size <= length, `${zeros} zeros: ${size} bytes`);
          sizes.add(size);
        }
        assert.ok(sizes.size > 50, 'both sides of the border');
      }
    });

    it(`of ${name} stay within the slack, whatever the last page is`, () => {
      const { memory, bytes } = memoryOf(1, false);
      const pages = wasmPages(memory, 64);
      const end = bytes.length;
      for (const length of [4096, 65536]) {
        for (let seed = 1; seed < 30; seed++) {
          // Four bytes that come again, among others that do not: what grows most.
          const page = noise(length, seed);
          for (let at = 2100; at + 23 < length; at += 19 + (seed % 5))
            page.copyWithin(at, at - 2090, at - 2086);
          const output = end - length - slackBytes;
          bytes.set(page, inputAt);
          assert.ok(pages.compressPages(name, inputAt, 1, length, output, inputAt - 64, 0) <= length);
        }
      }
    });
  }

  it('know pages of zeros, to their last byte', () => {
    const { memory, bytes } = memoryOf(1, false);
    const pages = wasmPages(memory, 64);
    bytes.fill(0, inputAt, inputAt + 4 * pageSize);
    bytes[inputAt + 2 * pageSize - 1] = 1;
    bytes[inputAt + 2 * pageSize] = 1;
    assert.equal(pages.findZeroPages(inputAt, 4, pageSize, outputAt), 2);
    assert.deepEqual([...bytes.subarray(outputAt, outputAt + 5)], [1, 0, 0, 1, 0xaa]);
  });
});
