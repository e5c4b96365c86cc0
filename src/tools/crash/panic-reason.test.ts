import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { panicReason } from './panic-reason.ts';

/** A second apart. */
const logOf = (...texts: string[]) => texts.map((text, i) => ({ time: i + 1, caller: 'T1', text }));

interface Expected {
  readonly message: string;
  readonly cause?: string;
  readonly where?: string;
}

/** What kernels printed, as it was published: their own logs, and those of bug reports. */
const logs: Readonly<Record<string, readonly [expected: Expected, ...texts: string[]]>> = {
  'sysrq, 6.1': [
    { message: 'Kernel panic - not syncing: sysrq triggered crash' },
    'sysrq: Trigger a crash',
    'Kernel panic - not syncing: sysrq triggered crash',
    'CPU: 0 PID: 109 Comm: sh Not tainted 6.1.0-56-amd64 #1  Debian 6.1.192-2',
    'Call Trace:',
    ' panic+0x13d/0x310',
    'RIP: 0033:0x4c4a30',
  ],
  'NULL pointer with a crash kernel armed, 6.1': [
    {
      message: 'BUG: kernel NULL pointer dereference, address: 0000000000000000',
      where: 'write_to_null+0x1b/0x30 [crash_module]',
    },
    'NMI backtrace for cpu 0',
    'RIP: 0010:arch_irq_work_raise+0x26/0x40',
    'BUG: kernel NULL pointer dereference, address: 0000000000000000',
    '#PF: supervisor write access in kernel mode',
    '#PF: error_code(0x0002) - not-present page',
    'PGD 0 P4D 0 ',
    'Oops: 0002 [#1] PREEMPT SMP NOPTI',
    'CPU: 0 PID: 312 Comm: sh Tainted: G           OE      6.1.0-50-amd64',
    'RIP: 0010:write_to_null+0x1b/0x30 [crash_module]',
    'Code: 00 00 00 00',
    'RIP: 0010:arch_irq_work_raise+0x26/0x40',
  ],
  'page fault that was fatal, 4.19': [
    {
      message: 'Kernel panic - not syncing: Fatal exception',
      cause: 'BUG: unable to handle kernel paging request at ffffffffc0a4c5e8',
      where: 'nf_tables_dump_set+0x1c/0x2a0 [nf_tables]',
    },
    'BUG: unable to handle kernel paging request at ffffffffc0a4c5e8',
    'PGD 3e20e067 P4D 3e20e067 PUD 3e210067 PMD 13a5b5067 PTE 0',
    'Oops: 0010 [#1] SMP PTI',
    'RIP: 0010:nf_tables_dump_set+0x1c/0x2a0 [nf_tables]',
    '---[ end trace 5c9f3d4b1a2e7f60 ]---',
    'Kernel panic - not syncing: Fatal exception',
    'Kernel Offset: 0x1e000000 from 0xffffffff81000000',
  ],
  'BUG() with what all CPUs did in between, 6.1': [
    { message: 'kernel BUG at crash_module.c:98!', where: 'crash_in_worker+0x5/0x10 [crash_module]' },
    '------------[ cut here ]------------',
    'kernel BUG at crash_module.c:98!',
    'NMI backtrace for cpu 0',
    'RIP: 0010:somewhere_else+0x1/0x2',
    'Sending NMI from CPU 0 to CPUs 1:',
    'NMI backtrace for cpu 1 skipped: idling at native_safe_halt+0xb/0x10',
    'invalid opcode: 0000 [#1] PREEMPT SMP NOPTI',
    'RIP: 0010:crash_in_worker+0x5/0x10 [crash_module]',
  ],
  'general protection fault, 6.12': [
    {
      message:
        'Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP',
      where: '__list_del_entry+0x1c/0x40',
    },
    'Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP',
    'RIP: 0010:__list_del_entry+0x1c/0x40',
  ],
  'divide error, 5.10': [
    {
      message: 'Kernel panic - not syncing: Fatal exception in interrupt',
      cause: 'divide error: 0000 [#1] SMP NOPTI',
      where: 'bictcp_cong_avoid+0x35c/0x450',
    },
    'divide error: 0000 [#1] SMP NOPTI',
    'RIP: 0010:bictcp_cong_avoid+0x35c/0x450',
    '---[ end trace a1 ]---',
    'Kernel panic - not syncing: Fatal exception in interrupt',
  ],
  'the oops that killed, not an earlier one': [
    {
      message: 'Kernel panic - not syncing: Fatal exception in interrupt',
      cause: 'BUG: unable to handle page fault for address: ffffffffdeadbeef',
      where: 'second+0x1/0x2',
    },
    'BUG: kernel NULL pointer dereference, address: 0000000000000008',
    'Oops: 0000 [#1] SMP',
    'RIP: 0010:first+0x1/0x2',
    '---[ end trace 0 ]---',
    'BUG: unable to handle page fault for address: ffffffffdeadbeef',
    'Oops: 0000 [#2] SMP',
    'RIP: 0010:second+0x1/0x2',
    '---[ end trace 1 ]---',
    'Kernel panic - not syncing: Fatal exception in interrupt',
  ],
  'stack overflow, 6.2': [
    {
      message:
        'BUG: TASK stack guard page was hit at 0000000009d325cf (stack is 0000000046a46a15..00000000537e7b28)',
      where: 'recurse+0x24/0x80',
    },
    'BUG: TASK stack guard page was hit at 0000000009d325cf (stack is 0000000046a46a15..00000000537e7b28)',
    'stack guard page: 0000 [#1] PREEMPT SMP NOPTI',
    'CPU: 8 PID: 11009 Comm: trace Kdump: loaded Not tainted 6.2.0+ #4',
    'RIP: 0010:recurse+0x24/0x80',
  ],
  'stack overflow, 5.9': [
    {
      message:
        'BUG: stack guard page was hit at 00000000b2f481cf (stack is 000000009cbf9546..0000000099742d14)',
    },
    'BUG: stack guard page was hit at 00000000b2f481cf (stack is 000000009cbf9546..0000000099742d14)',
    'kernel stack overflow (double-fault): 0000 [#1] PREEMPT SMP KASAN',
  ],
  'stack overflow, arm64': [
    {
      message: 'Kernel panic - not syncing: kernel stack overflow',
      cause: 'Insufficient stack space to handle exception!',
      where: 'el1h_64_sync+0x0/0x68',
    },
    'Insufficient stack space to handle exception!',
    'ESR: 0x0000000096000047 -- DABT (current EL)',
    'Task stack:     [0xffff800012a18000..0xffff800012a1c000]',
    'CPU: 3 PID: 142 Comm: sh Not tainted 6.1.0 #1',
    'pc : el1h_64_sync+0x0/0x68',
    'lr : recurse+0x30/0x40',
    'Kernel panic - not syncing: kernel stack overflow',
  ],
  'double fault, 5.4': [
    {
      message: 'Kernel panic - not syncing: Fatal exception in interrupt',
      cause: 'traps: PANIC: double fault, error_code: 0x0',
      where: 'native_iret+0x7/0x7',
    },
    'traps: PANIC: double fault, error_code: 0x0',
    'double fault: 0000 [#1] SMP PTI',
    'RIP: 0010:native_iret+0x7/0x7',
    'Kernel panic - not syncing: Fatal exception in interrupt',
  ],
  'data abort, arm64': [
    {
      message: 'Kernel panic - not syncing: Oops: Fatal exception',
      cause: 'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000',
      where: 'write_to_null+0x18/0x28 [crash_module]',
    },
    'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000',
    'Mem abort info:',
    '  ESR = 0x0000000096000045',
    'Internal error: Oops: 0000000096000045 [#1] SMP',
    'pstate: 60400005 (nZCv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)',
    'pc : write_to_null+0x18/0x28 [crash_module]',
    'lr : set_way+0x90/0xb0 [crash_module]',
    '---[ end trace 0000000000000000 ]---',
    'Kernel panic - not syncing: Oops: Fatal exception',
  ],
  'BUG(), arm64, with a crash kernel armed': [
    { message: 'kernel BUG at mm/slub.c:4023!', where: 'kfree+0x2c0/0x3b0' },
    'kernel BUG at mm/slub.c:4023!',
    'Internal error: Oops - BUG: 00000000f2000800 [#1] PREEMPT SMP',
    'pc : kfree+0x2c0/0x3b0',
  ],
  'SError, arm64': [
    {
      message: 'Kernel panic - not syncing: Asynchronous SError Interrupt',
      cause: 'SError Interrupt on CPU2, code 0x00000000bf000002 -- SError',
      where: 'readl+0x10/0x20',
    },
    'SError Interrupt on CPU2, code 0x00000000bf000002 -- SError',
    'pc : readl+0x10/0x20',
    'Kernel panic - not syncing: Asynchronous SError Interrupt',
  ],
  'soft lockup': [
    {
      message: 'Kernel panic - not syncing: softlockup: hung tasks',
      cause: 'watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [stress:812]',
      where: 'smp_call_function_many_cond+0x11a/0x2a0',
    },
    'watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [stress:812]',
    'Modules linked in: ext4',
    'RIP: 0010:smp_call_function_many_cond+0x11a/0x2a0',
    'Kernel panic - not syncing: softlockup: hung tasks',
  ],
  'hard lockup, 6.18': [
    {
      message: 'Kernel panic - not syncing: Hard LOCKUP',
      cause: 'watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3',
      where: 'queued_spin_lock_slowpath+0x5c/0x2a0',
    },
    'watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3',
    'RIP: 0010:queued_spin_lock_slowpath+0x5c/0x2a0',
    'Kernel panic - not syncing: Hard LOCKUP',
  ],
  'hung task': [
    {
      message: 'Kernel panic - not syncing: hung_task: blocked tasks',
      cause: 'INFO: task jbd2/sda1-8:201 blocked for more than 122 seconds.',
    },
    'INFO: task kworker/0:1:9 blocked for more than 122 seconds.',
    'INFO: task jbd2/sda1-8:201 blocked for more than 122 seconds.',
    '      Not tainted 6.1.0-50-amd64 #1',
    'NMI backtrace for cpu 0',
    'RIP: 0010:nmi_cpu_backtrace+0x1/0x2',
    'Kernel panic - not syncing: hung_task: blocked tasks',
  ],
  'RCU stall': [
    {
      message: 'Kernel panic - not syncing: RCU Stall',
      cause: 'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
    },
    'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
    'rcu: \t1-...0: (1 GPs behind) idle=7ac/1/0x4000000000000000 softirq=123/124 fqs=5250',
    'Sending NMI from CPU 0 to CPUs 1:',
    'Kernel panic - not syncing: RCU Stall\n',
  ],
  'RCU stall of its own CPU, 4.18': [
    { message: 'INFO: rcu_sched self-detected stall on CPU' },
    'INFO: rcu_sched self-detected stall on CPU',
    'something else',
  ],
  'unknown NMI': [
    {
      message: 'Kernel panic - not syncing: NMI: Not continuing',
      cause: 'Uhhuh. NMI received for unknown reason 21 on CPU 0.',
    },
    'Uhhuh. NMI received for unknown reason 21 on CPU 0.',
    'Kernel panic - not syncing: NMI: Not continuing',
  ],
  'warning with panic_on_warn, 6.1': [
    {
      message: 'Kernel panic - not syncing: kernel: panic_on_warn set ...',
      cause: 'WARNING: CPU: 0 PID: 365 at lib/debugobjects.c:502 debug_print_object+0xb8/0x100',
      where: 'debug_print_object+0xb8/0x100',
    },
    'WARNING: CPU: 0 PID: 365 at lib/debugobjects.c:502 debug_print_object+0xb8/0x100',
    'Kernel panic - not syncing: kernel: panic_on_warn set ...',
  ],
  'warning with panic_on_warn, 7.2': [
    {
      message: 'Kernel panic - not syncing: kernel: panic_on_warn set ...',
      cause: 'WARNING: lib/debugobjects.c:502 at debug_print_object+0xb8/0x100, CPU#0: sh/365',
      where: 'debug_print_object+0xb8/0x100',
    },
    'WARNING: lib/debugobjects.c:502 at debug_print_object+0xb8/0x100, CPU#0: sh/365',
    'Kernel panic - not syncing: kernel: panic_on_warn set ...',
  ],
  KASAN: [
    {
      message: 'Kernel panic - not syncing: KASAN: panic_on_warn set ...',
      cause: 'BUG: KASAN: slab-use-after-free in sco_sock_timeout+0x64/0x290',
    },
    'BUG: KASAN: slab-use-after-free in sco_sock_timeout+0x64/0x290',
    'Kernel panic - not syncing: KASAN: panic_on_warn set ...',
  ],
  UBSAN: [
    {
      message: 'Kernel panic - not syncing: UBSAN: panic_on_warn set ...',
      cause: 'UBSAN: array-index-out-of-bounds in fs/jfs/jfs_dmap.c:2887:14',
    },
    'UBSAN: array-index-out-of-bounds in fs/jfs/jfs_dmap.c:2887:14',
    'Kernel panic - not syncing: UBSAN: panic_on_warn set ...',
  ],
  'out of memory': [
    {
      message: 'Kernel panic - not syncing: System is deadlocked on memory',
      cause:
        'init invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0',
    },
    'init invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0',
    'Out of memory and no killable processes...',
    'Kernel panic - not syncing: System is deadlocked on memory',
  ],
  'machine check': [
    {
      message: 'Kernel panic - not syncing: Fatal machine check',
      cause: 'mce: [Hardware Error]: CPU 2: Machine Check Exception: 5 Bank 0: b200000000070005',
    },
    'mce: [Hardware Error]: CPU 2: Machine Check Exception: 5 Bank 0: b200000000070005',
    'Kernel panic - not syncing: Fatal machine check',
  ],
  'init that died': [
    { message: 'Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100' },
    'Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100',
  ],
  'panic in a timer, whose registers are of what it interrupted': [
    { message: 'Kernel panic - not syncing: crash_module: a timer expired' },
    'Kernel panic - not syncing: crash_module: a timer expired',
    ' panic_in_timer+0x11/0x13 [crash_module]',
    'RIP: 0010:wait_here+0x9/0x20 [crash_module]',
  ],
  'a crash kernel that a lockup started without a panic': [
    { message: 'watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [stress:812]' },
    'watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [stress:812]',
    'later',
  ],
  'sysrq, 4.18, where the crash is a write to NULL': [
    {
      message: 'BUG: unable to handle kernel NULL pointer dereference at 0000000000000000',
      where: 'sysrq_handle_crash+0x16/0x20',
    },
    'sysrq: SysRq : Trigger a crash',
    'BUG: unable to handle kernel NULL pointer dereference at 0000000000000000',
    'Oops: 0002 [#1] SMP PTI',
    'RIP: 0010:sysrq_handle_crash+0x16/0x20',
  ],
};

describe('why the machine went down', () => {
  for (const [what, [expected, ...texts]] of Object.entries(logs)) {
    it(`is found: ${what}`, () => {
      const reason = panicReason(logOf('Linux version', ...texts));
      assert.deepEqual(
        { message: reason?.message, cause: reason?.cause?.message, where: reason?.where },
        { cause: undefined, where: undefined, ...expected },
      );
    });
  }

  it('has the time at which it was said', () => {
    const reason = panicReason(
      logOf(
        'Oops: 0000 [#1] SMP',
        'Kernel panic - not syncing: Fatal exception ',
        'Kernel panic - not syncing: x',
      ),
    );
    assert.deepEqual(reason, {
      message: 'Kernel panic - not syncing: Fatal exception',
      time: 2,
      cause: { message: 'Oops: 0000 [#1] SMP', time: 1 },
      where: undefined,
    });
  });

  it('is not an oops of long ago', () => {
    const log = [
      { time: 1, caller: undefined, text: 'kernel BUG at mm/slub.c:1!' },
      { time: 500, caller: undefined, text: 'invalid opcode: 0000 [#1] SMP' },
    ];
    assert.equal(panicReason(log)?.message, 'invalid opcode: 0000 [#1] SMP');
  });

  it('is not what only quotes such a message', () => {
    assert.equal(panicReason(logOf('systemd: last log said Kernel panic - not syncing: x')), undefined);
    assert.equal(panicReason([]), undefined);
  });
});
