import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { parseCpuNotes, parseVmcoreinfoPlace } from './note-places.ts';

describe('the places of notes', () => {
  it('of a CPU: a hexadecimal address and a decimal size', () => {
    assert.deepEqual(parseCpuNotes('3e2d4c00\n', '356\n', 'cpu0'), { address: 0x3e2d4c00, size: 356 });
  });

  it('of a CPU whose kernel does not tell the size, are what kexec-tools assumes', () => {
    assert.equal(parseCpuNotes('1000', undefined, 'cpu0').size, 1024);
  });

  it('of VMCOREINFO: address and size, both hexadecimal, with 0x or without', () => {
    assert.deepEqual(parseVmcoreinfoPlace('0x0000000100c66000 1024\n'), {
      address: 0x100c66000,
      size: 0x1024,
    });
    assert.deepEqual(parseVmcoreinfoPlace('100c66000 1024\n'), { address: 0x100c66000, size: 0x1024 });
  });

  it('are refused when they are no places', () => {
    for (const text of ['', 'x', '0', '12345678901234567890']) {
      assert.throws(() => parseCpuNotes(text, '356', 'cpu0'), failsWith('E_CORRUPT'), text);
    }
    assert.throws(() => parseCpuNotes('1000', '-1', 'cpu0'), failsWith('E_CORRUPT'));
    for (const text of ['', '1000', '0 1024', '1000 1024 1', '(none)']) {
      assert.throws(() => parseVmcoreinfoPlace(text), failsWith('E_CORRUPT'), text);
    }
  });
});
