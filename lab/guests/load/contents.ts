/**
 * What the pages of a loaded guest contain: program code, text, records with pointers, zeros and noise, in shares like those of a
 * machine at work, the same at every run. How well a dump compresses is decided here.
 *
 * Pages are filled in pieces of 64 KiB that are copied from samples, because a guest in an emulated processor has to make gigabytes
 * of them in seconds; every page then gets a number of its own, so that no two are equal.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const pieceBytes = 65536;
const stampEvery = 4096;

/** Percent of all pieces. */
const shares = [
  ['code', 38],
  ['text', 24],
  ['records', 18],
  ['zeros', 12],
  ['noise', 8],
] as const;
type Kind = (typeof shares)[number][0];

export class PageContents {
  private readonly samples: Readonly<Record<Kind, Buffer>>;
  private state = 0x2545f491;
  private stamps = 0;

  /** `program` and `text` are files of at least 64 KiB. */
  constructor(program: string, text: string) {
    this.samples = {
      code: sampleOf(program, 24 * 2 ** 20),
      text: sampleOf(text, 2 ** 20),
      records: this.records(2 * 2 ** 20),
      zeros: Buffer.alloc(pieceBytes),
      noise: this.noise(2 * 2 ** 20),
    };
  }

  fill(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const end = Math.min(bytes.length, at + pieceBytes);
      const kind = this.pick();
      const sample = this.samples[kind];
      const most = Math.floor((sample.length - pieceBytes) / 16) + 1;
      const from = (this.random() % most) * 16;
      sample.copy(bytes, at, from, from + end - at);
      if (kind === 'zeros') continue;
      for (let page = at; page + 8 <= end; page += stampEvery) bytes.writeUInt32LE(++this.stamps, page);
    }
  }

  private pick(): Kind {
    let left = this.random() % 100;
    for (const [kind, share] of shares) {
      if (left < share) return kind;
      left -= share;
    }
    return 'zeros';
  }

  /** xorshift32 (Marsaglia, 2003). */
  private random(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  private noise(size: number): Buffer {
    const words = new Uint32Array(size / 4);
    for (let i = 0; i < words.length; i++) words[i] = this.random();
    return Buffer.from(words.buffer);
  }

  /** 64 bytes each, as kernels and databases have them: two pointers into one region, a number, flags, a short name, zeros. */
  private records(size: number): Buffer {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size; at += 64) {
      for (const pointer of [at, at + 8]) {
        bytes.writeUInt32LE(this.random() & 0x0fff_ffc0, pointer);
        bytes.writeUInt32LE(0xffff_8881, pointer + 4);
      }
      bytes.writeUInt32LE(at / 64, at + 16);
      bytes.writeUInt32LE(this.random() & 0x0101_0303, at + 24);
      bytes.write(`name-${this.random() % 1000}`, at + 32, 'latin1');
    }
    return bytes;
  }
}

/** The file's first `size` bytes; a shorter file is its own repetition. */
function sampleOf(path: string, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  const fd = openSync(path, 'r');
  let have = 0;
  try {
    while (have < size) {
      const got = readSync(fd, bytes, have, size - have, have);
      if (got === 0) break;
      have += got;
    }
  } finally {
    closeSync(fd);
  }
  for (; have < size; have *= 2) bytes.copy(bytes, have, 0, Math.min(have, size - have));
  return bytes;
}
