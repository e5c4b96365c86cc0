import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIomem } from '../machine/iomem.ts';
import { serialConsole } from './serial-console.ts';

const virt = parseIomem(`09000000-09000fff : pl011@9000000
  09000000-09000fff : 9000000.pl011 pl011@9000000
40000000-7fffffff : System RAM
`);

test('the last serial console of the command line is the one the next kernel speaks on', () => {
  assert.deepEqual(serialConsole('x86_64', 'console=ttyS1 console=ttyS0,115200n8 quiet', []), {
    kind: 'port',
    port: 0x3f8,
  });
  assert.deepEqual(serialConsole('x86_64', 'console=ttyS0 console=ttyS1', []), { kind: 'port', port: 0x2f8 });
});

test('a screen, a port that a PC has not, or no console at all leave it silent', () => {
  for (const line of ['console=tty0', 'quiet', 'console=ttyS9', 'console=hvc0', '']) {
    assert.equal(serialConsole('x86_64', line, []), undefined, line);
  }
});

test('a PL011 is where the kernel says it is', () => {
  assert.deepEqual(serialConsole('arm64', 'console=ttyAMA0', virt), { kind: 'pl011', address: 0x9000000 });
  assert.equal(serialConsole('arm64', 'console=ttyAMA1', virt), undefined);
  assert.equal(serialConsole('arm64', 'console=ttyS0', virt), undefined);
});
