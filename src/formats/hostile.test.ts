/**
 * Files that lie: cut anywhere, or with bytes changed. Whatever is done with them works, or fails with an error of ours and the exit status
 * of its class; soon, and without allocating what the file only claims to have.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { smallElf, smallKdump, smallLog, smallPages } from '../../test/support/dump-files.ts';
import { nodeZlibCodec } from '../../test/support/node-zlib-codec.ts';
import { MemorySource } from '../base/byte-source.ts';
import { type ErrorCode, ExitStatus, VmcoreError } from '../base/errors.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import { Kernel } from '../kernel/kernel.ts';
import { summarize } from '../tools/crash/info.ts';
import { pageSelector } from '../tools/makedumpfile/filter.ts';
import type { Dump, OpenOptions } from './dump.ts';
import { openDump } from './open.ts';

/** Far above what the small files need: seconds of a loaded machine, and more bytes than all their pages. */
const maxMilliseconds = 5000;
const maxBytes = 64 * 2 ** 20;
/** A failure is told as it was found (`endOnFailure`): making a slow one smaller takes minutes. */
const pagesLookedAt = 2 * smallPages;

/** The result, or undefined when it failed as it may: with one of `codes`, or an exit status that says "bad dump". */
function attempt<T>(work: () => T, codes: readonly ErrorCode[]): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    if (error.exitStatus !== ExitStatus.badDump) assert.ok(codes.includes(error.code), error.toLine());
    assert.match(error.toLine(), /^[^\p{Cc}]+ \[E_[A-Z_]+\]$/u);
    return undefined;
  }
}

/** Everything that anybody does with a dump. Returns it when it could be opened. */
function useEverything(bytes: Uint8Array, cutShort: OpenOptions['cutShort']): Dump | undefined {
  const started = performance.now();
  const { arrayBuffers } = process.memoryUsage();
  const source = new MemorySource(bytes, 'hostile.vmcore');
  const dump = attempt(
    () => openDump(source, { codecs: { zlib: nodeZlibCodec }, cutShort }),
    ['E_UNSUPPORTED'],
  );
  if (dump !== undefined) {
    dump.describe();
    attempt(() => summarize(dump), ['E_UNSUPPORTED']);
    const page = new Uint8Array(dump.memory.pageSize);
    for (let pfn = 0; pfn < Math.min(dump.memory.endPfn, pagesLookedAt); pfn++) {
      attempt(() => {
        const got = dump.memory.read(asPaddr(pfn * page.length), page);
        assert.equal(dump.memory.state(asPfn(pfn)) === 'present', got === page.length, `page ${pfn}`);
      }, ['E_UNSUPPORTED']);
    }
    attempt(() => {
      const pass = pageSelector(dump, new Kernel(dump), 31)();
      pass.select({ start: asPfn(0), end: asPfn(Math.min(dump.memory.endPfn, pagesLookedAt)) });
    }, ['E_UNREADABLE', 'E_NO_INFO', 'E_UNSUPPORTED']);
  }
  const milliseconds = performance.now() - started;
  assert.ok(milliseconds < maxMilliseconds, `took ${Math.round(milliseconds)} ms`);
  const allocated = process.memoryUsage().arrayBuffers - arrayBuffers;
  assert.ok(allocated < maxBytes, `allocated ${allocated} bytes`);
  return dump;
}

/** Where the interesting bytes of each file are: headers, notes with vmcoreinfo, bitmaps, descriptors. */
const files = [
  {
    name: 'ELF',
    whole: smallElf(),
    headerEnd: 64 + 3 * 56,
    metadataEnd: 0x1400,
    boundaries: [4, 16, 52, 64, 120, 176, 232],
  },
  {
    name: 'kdump',
    whole: smallKdump(),
    headerEnd: 4096 + 104,
    metadataEnd: 0x5000,
    boundaries: [8, 12, 408, 464, 4096, 4200, 8192, 12288, 16384, 16384 + 24],
  },
];

for (const { name, whole, headerEnd, metadataEnd, boundaries } of files) {
  describe(`a hostile ${name} file`, () => {
    it('is a sound one, to begin with', () => {
      const dump = useEverything(whole, 'refuse');
      assert.ok(dump !== undefined);
      const { info, log } = summarize(dump);
      assert.deepEqual(
        log.map(({ text }) => text),
        smallLog,
      );
      assert.deepEqual(info.missing, []);
      assert.equal(info.panic, 'Kernel panic - not syncing: sysrq triggered crash');
      const selection = pageSelector(dump, new Kernel(dump), 31)().select({
        start: asPfn(0),
        end: asPfn(smallPages),
      });
      assert.ok(!selection.kept.has(64) && !selection.kept.has(80));
    });

    it('cut at a boundary of its headers is told so', () => {
      for (const length of boundaries) {
        for (const at of [length - 1, length, length + 1]) {
          assert.equal(useEverything(whole.subarray(0, at), 'refuse'), undefined, `cut at ${at}`);
          useEverything(whole.subarray(0, at), 'accept');
        }
      }
    });

    it('cut anywhere is refused, or read as far as it goes', () => {
      fc.assert(
        fc.property(fc.nat(whole.length - 1), (length) => {
          assert.equal(useEverything(whole.subarray(0, length), 'refuse'), undefined);
          useEverything(whole.subarray(0, length), 'accept');
        }),
        { numRuns: 25, endOnFailure: true },
      );
    });

    const change = (end: number) =>
      fc.tuple(fc.nat(end - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)));
    const regions = [
      { what: 'in its headers', end: headerEnd, runs: 150 },
      { what: 'in its headers, notes and tables', end: metadataEnd, runs: 100 },
      { what: 'anywhere', end: whole.length, runs: 30 },
    ];
    for (const { what, end, runs } of regions) {
      it(`with bytes changed ${what} works or fails as it should`, () => {
        const changes = fc.array(change(end), { minLength: 1, maxLength: 6 });
        fc.assert(
          fc.property(
            changes,
            fc.constantFrom<OpenOptions['cutShort']>('refuse', 'accept'),
            (list, cutShort) => {
              const damaged = whole.slice();
              for (const [at, value] of list) damaged[at] = value;
              useEverything(damaged, cutShort);
            },
          ),
          { numRuns: runs, endOnFailure: true },
        );
      });
    }

    it('with a 64-bit field of ones anywhere in its headers works or fails as it should', () => {
      for (let at = 8; at + 8 <= Math.min(headerEnd, whole.length); at += 8) {
        // Between the last field of block 0 and block 1 there is nothing.
        if (name === 'kdump' && at > 464 && at < 4096) continue;
        const damaged = whole.slice();
        damaged.fill(0xff, at, at + 8);
        useEverything(damaged, 'accept');
        damaged.fill(0x00, at, at + 8);
        useEverything(damaged, 'accept');
      }
    });
  });
}
