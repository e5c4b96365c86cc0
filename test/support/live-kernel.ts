/** /proc/kcore: a kernel that runs is read by its own memory, and must be what it says of itself in /proc. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { boot } from '../../lab/boots/boot.ts';
import { type LiveAnswer, liveAnswer } from '../../lab/boots/tell-live.ts';
import type { GuestKernelName } from '../../lab/guests/kernels.ts';

export function checkLiveKernel(kernel: GuestKernelName): void {
  describe(`the running kernel ${kernel}`, () => {
    let answer: LiveAnswer;
    before(async () => {
      const { console } = await boot({
        kernel,
        workload: fileURLToPath(new URL('../../lab/boots/live-kernel.ts', import.meta.url)),
        load: 'file',
        onLine: (line) => (line.includes('@live ') ? 'stop' : undefined),
      });
      const told = liveAnswer(console);
      assert.ok(told !== undefined, console.slice(-3000));
      answer = told;
    });

    it('has the tasks and modules that /proc has', () => {
      assert.ok(answer.release);
      assert.ok(answer.tasks > 30, `${answer.tasks} tasks`);
      assert.deepEqual(answer.differentTasks, []);
      assert.ok(answer.modules.length > 5);
      assert.deepEqual(answer.differentModules, []);
      assert.deepEqual(answer.missing, []);
    });

    it('has its memory, log and stacks', () => {
      assert.equal(answer.memTotal[0], answer.memTotal[1]);
      assert.match(answer.version, /^Linux version /);
      assert.equal(answer.idleComm, 'swapper/0');
      // /proc leaves the scheduler's own functions out.
      assert.ok(answer.procStack.length > 1);
      assert.deepEqual(answer.stack.slice(-answer.procStack.length), answer.procStack);
    });

    it('can be looked at with every view', () => {
      assert.deepEqual(answer.failures, []);
    });

    it('says why it may not be read', () => {
      assert.match(answer.otherUser, /\/proc\/kcore: .*CAP_SYS_RAWIO.*\[E_NEEDS\]/);
      assert.match(answer.lockedDown, /\/proc\/kcore: .*lockdown=confidentiality.*\[E_NEEDS\]/);
    });
  });
}
