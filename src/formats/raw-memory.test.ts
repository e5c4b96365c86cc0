import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { coreHeader, type HeaderSpec } from '../../test/support/core-header.ts';
import { vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import type { ByteSource } from '../base/byte-source.ts';
import { openRawMemory } from './raw-memory.ts';

const GiB = 2 ** 30;
const note = vmcoreinfoNote('OSRELEASE=6.1.0\nPAGESIZE=4096\n');

/** A large image of zeros with some pieces in it. */
function image(size: number, pieces: readonly (readonly [number, Uint8Array])[]): ByteSource {
  return {
    name: 'ram.img',
    size,
    read(offset, into) {
      into.fill(0);
      for (const [at, bytes] of pieces) {
        for (let i = Math.max(0, offset - at); i < bytes.length && at + i < offset + into.length; i++)
          into[at + i - offset] = bytes[i]!;
      }
      return Math.max(0, Math.min(into.length, size - offset));
    },
    close() {},
  };
}

/** A machine whose notes are at 1 MiB of its RAM, and whose header is at 1 GiB of it. */
const machine = (size: number, start: number, loads: readonly HeaderSpec[]): ByteSource =>
  image(size, [
    [2 ** 20, note],
    [GiB, coreHeader([{ type: 4, offset: start + 2 ** 20, size: 4096 }, ...loads])],
  ]);

const low: HeaderSpec = { type: 1, offset: 2 ** 20, size: GiB - 2 ** 20 };

describe("a machine's RAM", () => {
  it('is laid out as the machine that its header describes', () => {
    const ends = (source: ByteSource, elfcorehdr: number): number[] =>
      openRawMemory(source, { elfcorehdr }).banks.map(({ paddr, size }) => (paddr + size) / GiB);
    assert.deepEqual(ends(machine(2 * GiB, 0, [low]), GiB), [2]);
    const pc: HeaderSpec = { type: 1, offset: 4 * GiB, size: GiB };
    assert.deepEqual(ends(machine(4 * GiB, 0, [low, pc]), GiB), [3, 5]);
    const q35: HeaderSpec = { type: 1, offset: 4 * GiB, size: 2 * GiB };
    assert.deepEqual(ends(machine(4 * GiB, 0, [low, q35]), GiB), [2, 6]);
    const virt: HeaderSpec = { type: 1, offset: GiB, size: GiB };
    assert.deepEqual(ends(machine(2 * GiB, GiB, [virt]), 2 * GiB), [3]);
  });

  it('can be laid out as it is told', () => {
    const source = machine(2 * GiB, 0, [low]);
    assert.equal(openRawMemory(source, { elfcorehdr: GiB, layout: 'pc' }).vmcore.size, 8192 + low.size);
    const layout = [{ paddr: 0, offset: 0, size: 1.5 * GiB }];
    assert.equal(openRawMemory(source, { elfcorehdr: GiB, layout }).banks, layout);
    assert.throws(
      () => openRawMemory(source, { elfcorehdr: GiB, layout: [{ paddr: 0, offset: 0, size: 3 * GiB }] }),
      failsWith('E_TRUNCATED', /the image has 2147483648/),
    );
  });

  it('finds its header by itself', () => {
    assert.equal(openRawMemory(machine(1.25 * GiB, 0, [low]), {}).elfcorehdr, GiB);
  });

  it('that does not have what its header describes is truncated, whatever the layout', () => {
    const beyond: HeaderSpec = { type: 1, offset: 4 * GiB, size: 8 * GiB };
    assert.throws(
      () => openRawMemory(machine(4 * GiB, 0, [low, beyond]), { elfcorehdr: GiB }),
      failsWith('E_TRUNCATED', /memory at 0x140000000 is not in the image/),
    );
  });

  it('says which addresses there are when none of its layouts has the given one', () => {
    assert.throws(
      () => openRawMemory(machine(2 * GiB, 0, [low]), { elfcorehdr: 64 * GiB }),
      failsWith('E_UNREADABLE', /0x1000000000 is not in the image, which has 0x0-0x80000000/),
    );
    assert.throws(
      () => openRawMemory(machine(2 * GiB, 0, [low]), { elfcorehdr: 0x1000 }),
      failsWith('E_NOT_A_DUMP', /no ELF core header at address 0x1000/),
    );
  });
});
