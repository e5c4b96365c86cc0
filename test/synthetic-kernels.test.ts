/**
 * Synthetic kernels as dump files: through the command a user types, and, so that they have an oracle of their own, through the original.
 *
 * The original is makedumpfile 1.7.8, which reads x86_64 here. It reads one page that it should not: a poisoned page within a large folio is
 * marked on its own struct page, which it passes over as a tail; but it does not know the tails of 7.1, and judges them all.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { newestMakedumpfile } from '../lab/peers.ts';
import { asPaddr, asPfn } from '../src/base/units.ts';
import { vmcore } from './command.ts';
import { open, rawDump } from './rehearsal.ts';
import { type DescribedKernel, describedKernel } from './support/described-kernel.ts';
import { type MatrixKernel, matrix, nameOf, textOf } from './support/kernel-matrix.ts';
import { isSince, pageReleaseOf } from './support/page-releases.ts';
import { numberedPage } from './support/pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-synthetic-'));
after(() => rmSync(folder, { recursive: true }));
const [source, filtered] = [join(folder, 'vmcore'), join(folder, 'filtered')];

function writeSource(kernel: MatrixKernel): DescribedKernel {
  const described = describedKernel(textOf(kernel));
  writeFileSync(source, described.kernel.elf());
  return described;
}

/** Page frames of RAM that the filtered dump has. */
function presentIn(path: string, { kernel }: DescribedKernel): number[] {
  const dump = open(path);
  try {
    const { pageSize } = kernel.memory;
    const ram = kernel.ram.flatMap(({ start, end }) =>
      Array.from({ length: (end - start) / pageSize }, (_, i) => start / pageSize + i),
    );
    return ram.filter((pfn) => dump.memory.state(asPfn(pfn)) === 'present');
  } finally {
    dump.source.close();
  }
}

describe('a synthetic kernel, dumped with the command', () => {
  const chosen = [
    '4.18.0 | arch arm64, 64K pages, va 48',
    '5.4.0 | arch x86_64, 5 levels',
    '6.12.0 | arch arm64, 16K pages, va 52',
    '7.2.0 | arch x86_64, 5 levels, sme',
  ];
  for (const start of chosen) {
    const kernel = matrix.find((candidate) => nameOf(candidate).startsWith(start))!;
    for (const format of ['-z', '-E']) {
      it(`Linux ${nameOf(kernel)}: makedumpfile ${format} -d 31, then dmesg`, () => {
        const described = writeSource(kernel);
        const run = vmcore('makedumpfile', '-q', '-f', format, '-d', '31', source, filtered);
        assert.equal(run.status, 0, run.stderr);
        const { pageSize } = described.kernel.memory;
        const gone = new Set(described.leftOut(31));
        const dump = open(filtered);
        const page = new Uint8Array(pageSize);
        const pages = described.description.pages.filter(({ isZero }) => !isZero);
        for (const { first, count } of pages) {
          for (let pfn = first; pfn < first + count; pfn++) {
            const isThere = dump.memory.read(asPaddr(pfn * pageSize), page) === pageSize;
            assert.equal(isThere, !gone.has(pfn), `page ${pfn}`);
            if (isThere) assert.deepEqual(page, numberedPage(pfn, pageSize), `page ${pfn}`);
          }
        }
        dump.source.close();
        assert.equal(vmcore('dmesg', filtered).stdout.toString('latin1'), described.dmesg);
      });
    }
  }
});

describe('a synthetic kernel, beside a real one', () => {
  it('tells of struct page what the rehearsed kernel tells', () => {
    const dump = open(rawDump());
    const lines = new Map(
      (dump.vmcoreinfo ?? '')
        .split('\n')
        .map((line) => [line.replace(/=.*/, ''), line.replace(/^[^=]*=/, '')]),
    );
    dump.source.close();
    const { info } = pageReleaseOf(lines.get('OSRELEASE')!);
    const told = Object.fromEntries(Object.keys(info).map((key) => [key, lines.get(key)]));
    assert.deepEqual(told, Object.fromEntries(Object.entries(info).map(([key, value]) => [key, `${value}`])));
  });
});

describe('a synthetic kernel, dumped with the original', () => {
  // It looks at every page frame up to the last one: memory at 2^50 would take it years.
  const readable = matrix.filter(
    (kernel) => /x86_64/.test(nameOf(kernel)) && !/memory 0x4000/.test(textOf(kernel)),
  );
  for (const kernel of readable) {
    it(`Linux ${nameOf(kernel)}: the pages that the description says`, async () => {
      const described = writeSource(kernel);
      const peer = await newestMakedumpfile();
      // Each bit is in one of them.
      for (const level of [2, 4, 25]) {
        const { status, stderr } = await peer.run(['-f', '-d', `${level}`, source, filtered]);
        assert.equal(status, 0, `level ${level}: ${stderr}`);
        const tails = described.description.pages.filter(({ spec }) => spec.tail === true);
        const isPassedOver = (level & 6) === 0 && !isSince(described.kernel.release, '7.1');
        const kept = isPassedOver ? tails.map(({ first }) => first) : [];
        // Zero pages stay, as one shared page.
        const gone = new Set(described.leftOut(level & ~1).filter((pfn) => !kept.includes(pfn)));
        const present = presentIn(filtered, described);
        assert.deepEqual(
          present.filter((pfn) => gone.has(pfn)),
          [],
          `level ${level}: kept, though described as left out`,
        );
        const ram = described.kernel.ram.reduce((sum, { start, end }) => sum + (end - start) / 4096, 0);
        assert.equal(present.length, ram - gone.size, `level ${level}`);
      }
    });
  }
});
