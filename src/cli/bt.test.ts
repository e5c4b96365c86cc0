import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crashedStacks } from '../../test/support/crashed-stacks.ts';
import { readStacks } from '../tools/crash/bt.ts';
import { stackText } from './bt.ts';

describe('stackText', () => {
  const { cpus, tasks } = readStacks(crashedStacks().made.open(), { of: 'CPUs and tasks' });

  it('is a line a frame, with registers where they were saved', () => {
    const lines = stackText('CPU 0', cpus[0]!, 'whole').split('\n');
    assert.match(lines[1]!, /^ {2}#0 \[[0-9a-f]{16}\] fault\+0x10 at [0-9a-f]{16}$/);
    assert.match(lines[2]!, /^ {5}R15: 0{16} {5}R14: 0{16} {5}R13: 0{16}$/);
    assert.ok(lines.includes('     user mode at 0x401000'));
    assert.ok(lines.every((line) => line.length <= 80));
  });

  it('leaves registers out where they are too many', () => {
    assert.equal(stackText('CPU 0', cpus[0]!, 'short').split('\n').length, 5);
  });

  it('says why it is not all', () => {
    assert.match(stackText('PID 7', tasks[2]!, 'short'), /^PID 7\n {5}incomplete: /);
  });

  it('shows nothing that could drive a terminal', () => {
    assert.ok(!stackText('PID 5 sh\u001b[2J', cpus[0]!, 'short').includes('\u001b'));
  });
});
