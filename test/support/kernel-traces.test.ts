import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printedTasks, printedTraces } from './kernel-traces.ts';

const frame = (symbol: string, offset: number, module?: string) => ({ symbol, offset, module });

test('an oops in an interrupt: the registers first, guesses left out, the registers of what was interrupted in between', () => {
  const log = `[   18.1] sysrq: Show State
[   18.6] BUG: kernel NULL pointer dereference, address: 0000000000000000
[   18.6] Oops: 0002 [#1] PREEMPT SMP NOPTI
[   18.6] CPU: 1 PID: 236 Comm: two words Kdump: loaded Tainted: G           OE      6.1.0-50-amd64
[   18.6] RIP: 0010:write_to_null+0x1b/0x30 [crash_module]
[   18.6] Code: Unable to access opcode bytes at 0xffffffffc044cff1.
[   18.6] RSP: 0018:ffffd0ca00713c38 EFLAGS: 00000292
[   18.6] Call Trace:
[   18.6]  <IRQ>
[   18.6]  crash_in_interrupt+0x5/0x10 [crash_module]
[   18.6]  ? do_fcntl+0x56b/0x6d0
[   18.6]  irq_work_run_list+0x4e/0x80
[   18.6]  </IRQ>
[   18.6]  <TASK>
[   18.6]  asm_sysvec_irq_work+0x16/0x20
[   18.6] RIP: 0010:wait_here+0x9/0x20 [crash_module]
[   18.6] RAX: 0000000000000000 RBX: 0000000000000000 RCX: 0000000000b0e000
[   18.6]  be_interrupted+0x3f/0x50 [crash_module]
[   18.6] RIP: 0033:0x47b7a0
[   18.6]  </TASK>
[   18.6] Modules linked in: crash_module(OE)
[   18.6] something_else+0x1/0x2
`;
  const [trace, ...others] = printedTraces(log);
  assert.deepEqual(others, []);
  assert.deepEqual(
    { cpu: trace!.cpu, pid: trace!.pid, comm: trace!.comm },
    { cpu: 1, pid: 236, comm: 'two words' },
  );
  assert.deepEqual(trace!.frames, [
    frame('write_to_null', 0x1b, 'crash_module'),
    frame('crash_in_interrupt', 5, 'crash_module'),
    frame('irq_work_run_list', 0x4e),
    frame('asm_sysvec_irq_work', 0x16),
    frame('wait_here', 9, 'crash_module'),
    frame('be_interrupted', 0x3f, 'crash_module'),
  ]);
});

test('the tasks of the last sysrq t, as x86 and arm64 print them', () => {
  const log = `[    1.0] sysrq: Show State
[    1.0] task:old             state:S stack:0     pid:1     ppid:0      flags:0x00000002
[   18.1] sysrq: Show State
[   18.2] task:kworker/u4:0    state:I stack:0     pid:9     ppid:2      flags:0x00004000
[   18.2] Workqueue:  0x0 (events_unbound)
[   18.2] Call Trace:
[   18.2]  <TASK>
[   18.2]  __schedule+0x34d/0x9e0
[   18.2]  ret_from_fork+0x22/0x30
[   18.2]  </TASK>
[   18.3] task:sh              state:R  running task     stack:0     pid:229   tgid:229   ppid:130    flags:0x00000008
[   18.4] task:cat             state:D stack:0     pid:163   tgid:163   ppid:130    flags:0x00000204
[   18.4] Call trace:
[   18.4]  __switch_to+0xe8/0x128 (T)
[   18.4]  pipe_read+0x1a0/0x3c8
[   18.5] Showing busy workqueues and worker pools:
`;
  assert.deepEqual(
    printedTasks(log).map(({ pid, ppid, comm, state, frames }) => ({ pid, ppid, comm, state, frames })),
    [
      {
        pid: 9,
        ppid: 2,
        comm: 'kworker/u4:0',
        state: 'I',
        frames: [frame('__schedule', 0x34d), frame('ret_from_fork', 0x22)],
      },
      {
        pid: 163,
        ppid: 130,
        comm: 'cat',
        state: 'D',
        frames: [frame('__switch_to', 0xe8), frame('pipe_read', 0x1a0)],
      },
    ],
  );
});
