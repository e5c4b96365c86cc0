import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MemorySource } from '../base/byte-source.ts';
import { readPartitionTable } from './partitions.ts';

/** A GPT of one partition, as sgdisk writes it: the fields that are read. Its number is 3. */
function gpt(sectorSize: number): Uint8Array {
  const disk = Buffer.alloc(40 * sectorSize);
  disk[510] = 0x55;
  disk[511] = 0xaa;
  disk.write('EFI PART', sectorSize);
  disk.writeBigUInt64LE(2n, sectorSize + 72);
  disk.writeUInt32LE(128, sectorSize + 80);
  disk.writeUInt32LE(128, sectorSize + 84);
  const entry = disk.subarray(2 * sectorSize + 2 * 128);
  entry.fill(0xaf, 0, 16);
  Buffer.from('33221100554477668899aabbccddeeff', 'hex').copy(entry, 16);
  entry.write('crash dump ä', 56, 'utf16le');
  return disk;
}

const entryOf = (sector: Buffer, index: number, type: number, start: number): void => {
  sector[446 + 16 * index + 4] = type;
  sector.writeUInt32LE(start, 446 + 16 * index + 8);
};
function sectorOf(disk: Buffer, sector: number): Buffer {
  const bytes = disk.subarray(sector * 512, (sector + 1) * 512);
  bytes[510] = 0x55;
  bytes[511] = 0xaa;
  return bytes;
}

/** Two primary partitions, the second extended with two logical ones. */
function mbr(): Buffer {
  const disk = Buffer.alloc(512 * 100);
  const first = sectorOf(disk, 0);
  first.writeUInt32LE(0x1a2b3c4d, 440);
  entryOf(first, 0, 0x83, 2);
  entryOf(first, 1, 0x05, 10);
  const link = sectorOf(disk, 10);
  entryOf(link, 0, 0x83, 1);
  entryOf(link, 1, 0x05, 20);
  entryOf(sectorOf(disk, 30), 0, 0x83, 1);
  return disk;
}

describe('partition tables', () => {
  for (const sectorSize of [512, 4096]) {
    it(`a GPT on sectors of ${sectorSize} bytes`, () => {
      assert.deepEqual(readPartitionTable(new MemorySource(gpt(sectorSize)), sectorSize), [
        { number: 3, uuid: '00112233-4455-6677-8899-aabbccddeeff', label: 'crash dump ä' },
      ]);
    });
  }
  it('an MBR, with its logical partitions', () => {
    const uuids = readPartitionTable(new MemorySource(mbr()), 512)?.map(({ number, uuid }) => [number, uuid]);
    assert.deepEqual(uuids, [
      [1, '1a2b3c4d-01'],
      [2, '1a2b3c4d-02'],
      [5, '1a2b3c4d-05'],
      [6, '1a2b3c4d-06'],
    ]);
  });
  it('a chain of logical partitions that leads back ends', () => {
    const disk = mbr();
    entryOf(sectorOf(disk, 30), 1, 0x05, 0);
    assert.equal(readPartitionTable(new MemorySource(disk), 512)?.length, 4);
    entryOf(sectorOf(disk, 30), 1, 0x05, 20);
    assert.equal(readPartitionTable(new MemorySource(disk), 512)?.length, 4);
  });
  it('no table', () => {
    assert.equal(readPartitionTable(new MemorySource(new Uint8Array(4096)), 512), undefined);
    assert.equal(readPartitionTable(new MemorySource(new Uint8Array(10)), 512), undefined);
  });
  it('whatever is there, it ends', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.uint8Array({ minLength: 1, maxLength: 64 }), (at, bytes) => {
        for (const disk of [gpt(512), mbr()]) {
          disk.set(bytes, at);
          readPartitionTable(new MemorySource(disk), 512);
        }
      }),
    );
  });
});
