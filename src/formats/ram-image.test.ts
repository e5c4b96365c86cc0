import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { MemorySource } from '../base/byte-source.ts';
import { addressOf, banksOf, parseBanks, RamImage } from './ram-image.ts';

const GiB = 2 ** 30;

describe('the layout of RAM', () => {
  it('of a small x86_64 machine is one piece, of a large one two, around the hole below 4 GiB', () => {
    assert.deepEqual(banksOf('pc', 3 * GiB), [{ paddr: 0, offset: 0, size: 3 * GiB }]);
    assert.deepEqual(banksOf('pc', 4 * GiB), [
      { paddr: 0, offset: 0, size: 3 * GiB },
      { paddr: 4 * GiB, offset: 3 * GiB, size: GiB },
    ]);
    assert.deepEqual(banksOf('q35', 2 * GiB), [{ paddr: 0, offset: 0, size: 2 * GiB }]);
    assert.deepEqual(banksOf('q35', 3 * GiB), [
      { paddr: 0, offset: 0, size: 2 * GiB },
      { paddr: 4 * GiB, offset: 2 * GiB, size: GiB },
    ]);
  });

  it('of an arm64 machine begins at 1 GiB', () => {
    assert.deepEqual(banksOf('virt', 8 * GiB), [{ paddr: GiB, offset: 0, size: 8 * GiB }]);
  });

  it('can be told: addresses and sizes in the order of the image', () => {
    assert.deepEqual(parseBanks('4G+1G,0x0+0xc0000000'), [
      { paddr: 4 * GiB, offset: 0, size: GiB },
      { paddr: 0, offset: GiB, size: 3 * GiB },
    ]);
    for (const text of ['', '0', '0+', '+1G', '0+0', '0+1G+1', '0+1G,', 'x+1G', '0+1Q'])
      assert.equal(parseBanks(text), undefined, text);
    assert.equal(addressOf('0x7F000000'), 0x7f000000);
    assert.equal(addressOf('768M'), 768 * 2 ** 20);
    assert.equal(addressOf('0xffffffffffffffff'), undefined);
  });
});

describe('an image of RAM', () => {
  const source = new MemorySource(Uint8Array.from({ length: 12 }, (_, i) => i));
  const image = new RamImage(source, [
    { paddr: 100, offset: 4, size: 8 },
    { paddr: 96, offset: 0, size: 4 },
    // The machine's memory is cut, so to speak, at 108.
  ]);

  it('is read by physical address, over banks that touch, up to where memory ends', () => {
    const into = new Uint8Array(8);
    assert.equal(image.read(98, into), 8);
    assert.deepEqual([...into], [2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(image.read(105, into), 3);
    assert.equal(image.read(108, into), 0);
    assert.equal(image.read(0, into), 0);
  });

  it('knows what is missing', () => {
    assert.equal(image.firstMissing(96, 108), undefined);
    assert.equal(image.firstMissing(96, 109), 108);
    assert.equal(image.firstMissing(0, 100), 0);
  });

  it('is refused when its file is too short or its banks overlap', () => {
    const bank = { paddr: 0, offset: 0, size: 8 };
    assert.throws(
      () => new RamImage(source, [{ ...bank, size: 13 }]),
      failsWith('E_TRUNCATED', /the image has 12/),
    );
    assert.throws(() => new RamImage(source, [bank, { ...bank, paddr: 7 }]), failsWith('E_CORRUPT', /0x7/));
  });
});
