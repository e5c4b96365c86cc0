/**
 * Stacks of a crash: CPU 0 crashed in a function that the kernel was entered for; CPU 1 was in user space; task 7 has a broken stack. The name of
 * what crashed could clear a screen.
 */
import { StackKernel } from './stack-kernel.ts';

export function crashedStacks() {
  const made = new StackKernel();
  const entry = made.function('entry', { type: 'regs', sp: 'sp', signal: true });
  const fault = made.function('fault', { type: 'call', sp: 'sp', spOffset: 8 });
  const returns = made.call(entry, fault);
  const stack = made.stack();
  const user = stack.end - 168n;
  made.putWords(user, made.registerWords({ rip: 0x40_1000n, cs: 0x33n, orig_rax: 1n }));
  made.put(user - 8n, returns);
  made.task({ pid: 0, stack: made.stack() });
  made.run(0, made.task({ pid: 5, comm: 'sh\u001b[2J', stack }));
  made.run(1, made.task({ pid: 6, stack: made.stack(), cpu: 1 }));
  made.task({ pid: 7, stack: made.stack(), saved: { sp: 0n } });
  made.saveRegisters(0, 5, { rip: fault + 0x10n, rsp: user - 8n });
  made.saveRegisters(1, 6, { rip: 0x40_2000n, cs: 0x33n });
  return { made, user };
}
