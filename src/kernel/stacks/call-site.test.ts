import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StackKernel } from '../../../test/support/stack-kernel.ts';
import { asVaddr } from '../../base/units.ts';
import { canBeReturn, directCallTarget, findCallTo, followsCall } from './call-site.ts';
import { KernelText } from './stack-text.ts';

/** Whether a call ends where these bytes end. */
function endsCall(bytes: readonly number[], arch: 'x86_64' | 'arm64' = 'x86_64'): boolean {
  const kernel = new StackKernel({ arch });
  const start = kernel.function('f', { type: 'end' });
  kernel.putText(start + 0x40n, bytes);
  return followsCall(kernel.open().kernel, asVaddr(start + 0x40n + BigInt(bytes.length)));
}

describe('followsCall', () => {
  const calls: readonly (readonly number[])[] = [
    [0xe8, 1, 2, 3, 4],
    // call *%rax; *%r11; *(%rdi); *8(%rax); *0x100(%rbx); *8(%rsp); *(,%rax,8); *x(%rip); *0x100(%r12)
    [0xff, 0xd0],
    [0x41, 0xff, 0xd3],
    [0xff, 0x17],
    [0xff, 0x50, 0x08],
    [0xff, 0x93, 0, 1, 0, 0],
    [0xff, 0x54, 0x24, 0x08],
    [0xff, 0x14, 0xc5, 0, 1, 0, 0],
    [0xff, 0x15, 0, 1, 0, 0],
    [0x41, 0xff, 0x94, 0x24, 0, 1, 0, 0],
  ];
  for (const bytes of calls)
    it(`knows ${Buffer.from(bytes).toString('hex')}`, () => assert.equal(endsCall(bytes), true));

  for (const bytes of [
    // jmp *%rax; push (%rax); inc %eax; a jump
    [0xff, 0xe0],
    [0xff, 0x30],
    [0xff, 0xc0],
    [0xe9, 1, 2, 3, 4],
    [0x90, 0x90],
  ])
    it(`does not take ${Buffer.from(bytes).toString('hex')} for one`, () =>
      assert.equal(endsCall(bytes), false));

  it('knows BL, BLR and BLRAA', () => {
    assert.equal(endsCall([0x00, 0x00, 0x00, 0x94], 'arm64'), true);
    assert.equal(endsCall([0x20, 0x02, 0x3f, 0xd6], 'arm64'), true);
    assert.equal(endsCall([0x11, 0x09, 0x3f, 0xd7], 'arm64'), true);
    assert.equal(endsCall([0x20, 0x02, 0x1f, 0xd6], 'arm64'), false);
    assert.equal(endsCall([0x00, 0x00, 0x00, 0x14], 'arm64'), false);
  });
});

describe('directCallTarget', () => {
  for (const arch of ['x86_64', 'arm64'] as const)
    it(`goes both ways on ${arch}`, () => {
      const kernel = new StackKernel({ arch });
      const a = kernel.function('a', { type: 'end' });
      const b = kernel.function('b', { type: 'end' });
      const up = asVaddr(kernel.call(a, b));
      const down = asVaddr(kernel.call(b, a));
      const { kernel: memory } = kernel.open();
      assert.equal(directCallTarget(memory, up), b);
      assert.equal(directCallTarget(memory, down), a);
    });
});

describe('findCallTo', () => {
  it('finds the first call to a function, also behind its ENDBR64', () => {
    const kernel = new StackKernel();
    const a = kernel.function('a', { type: 'end' });
    const b = kernel.function('b', { type: 'end' });
    const other = kernel.call(a, a, 0x10n);
    const site = kernel.call(a, b + 4n);
    const stack = kernel.stack();
    // A number, text that is no return address, a call to another function, the call.
    kernel.putWords(stack.start + 8n, [42n, a + 0x80n, other, site, site]);
    const crashed = kernel.open();
    const range = { from: stack.start + 3n, end: stack.end };
    const text = new KernelText(crashed);
    assert.deepEqual(findCallTo(crashed.kernel, text, asVaddr(b), range), {
      returnAddress: site,
      slot: stack.start + 32n,
    });
    assert.equal(
      findCallTo(crashed.kernel, text, asVaddr(b), { ...range, end: stack.start + 32n }),
      undefined,
    );
  });
});

describe('canBeReturn', () => {
  it('believes code that is not in the dump, and refuses what is no text', () => {
    const kernel = new StackKernel();
    const a = kernel.function('a', { type: 'end' });
    const site = kernel.call(a, a);
    const before = kernel.open();
    const check = (address: bigint, crashed = before): boolean =>
      canBeReturn(crashed.kernel, new KernelText(crashed), asVaddr(address));
    assert.equal(check(site), true);
    assert.equal(check(a + 0x80n), false);
    assert.equal(check(0x1000n), false);
    kernel.kernel.memory.lose(Math.floor(before.kernel.translate(asVaddr(a)).paddr / 4096), 'lost');
    assert.equal(check(a + 0x80n, kernel.reopen()), true);
  });
});
