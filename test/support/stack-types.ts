/** The types of stack-kernel.ts as BTF. Offsets are of its own making: nothing may rely on a real kernel's. */
import { BtfBuilder } from './btf-bytes.ts';

/** Of struct task_struct, bytes. */
export const taskLayout = {
  pid: 0,
  tgid: 4,
  cpu: 8,
  state: 12,
  exitState: 16,
  flags: 20,
  parent: 24,
  comm: 32,
  tasks: 48,
  node: 64,
  signal: 80,
  stack: 88,
  thread: 96,
  shadowStack: 120,
  shadowTop: 128,
  rethooks: 136,
  size: 192,
} as const;

export interface StackTypes {
  readonly arch: 'x86_64' | 'arm64';
  /** "end": type:2, end:1; "both": type:2, signal:1, end:1; "wide": type:3, signal:1. */
  readonly orc: 'end' | 'both' | 'wide' | 'none';
  /** With struct frame_record_meta. */
  readonly recordMeta: boolean;
  /** What task_struct.ret_stack points to. */
  readonly shadowStack: 'array' | 'words';
}

export function stackTypes({ arch, orc, recordMeta, shadowStack }: StackTypes): BtfBuilder {
  const btf = new BtfBuilder();
  const char = btf.int('char', 1, 'signed');
  const int = btf.int('int', 4, 'signed');
  const uint = btf.int('unsigned int', 4);
  const short = btf.int('s16', 2, 'signed');
  const ulong = btf.int('unsigned long', 8);
  const pointer = btf.pointer(0);
  const list = btf.struct('list_head', 16, [
    { name: 'next', type: pointer, at: 0 },
    { name: 'prev', type: pointer, at: 64 },
  ]);
  const context = btf.struct('cpu_context', 24, [
    { name: 'fp', type: ulong, at: 0 },
    { name: 'sp', type: ulong, at: 64 },
    { name: 'pc', type: ulong, at: 128 },
  ]);
  const thread = btf.struct(
    'thread_struct',
    24,
    arch === 'arm64' ? [{ name: 'cpu_context', type: context, at: 0 }] : [{ name: 'sp', type: ulong, at: 0 }],
  );
  const signal = btf.struct('signal_struct', 16, [{ name: 'thread_head', type: list, at: 0 }]);
  const shadow = btf.struct('ftrace_ret_stack', 24, [
    { name: 'ret', type: ulong, at: 0 },
    { name: 'func', type: ulong, at: 64 },
    { name: 'retp', type: pointer, at: 128 },
  ]);
  const shadowPointer = btf.pointer(shadowStack === 'array' ? shadow : ulong);
  btf.struct('rethook_node', 32, [
    { name: 'llist', type: pointer, at: 64 },
    { name: 'ret_addr', type: ulong, at: 128 },
    { name: 'frame', type: ulong, at: 192 },
  ]);
  btf.struct('bpf_ksym', 80, [
    { name: 'lnode', type: list, at: 0 },
    { name: 'start', type: ulong, at: 128 },
    { name: 'end', type: ulong, at: 192 },
    { name: 'name', type: btf.array(char, 32), at: 256 },
  ]);
  const task = btf.nextId;
  const at = taskLayout;
  btf.struct('task_struct', at.size, [
    { name: 'pid', type: int, at: 8 * at.pid },
    { name: 'tgid', type: int, at: 8 * at.tgid },
    { name: 'cpu', type: uint, at: 8 * at.cpu },
    { name: '__state', type: uint, at: 8 * at.state },
    { name: 'exit_state', type: int, at: 8 * at.exitState },
    { name: 'flags', type: uint, at: 8 * at.flags },
    { name: 'real_parent', type: task + 1, at: 8 * at.parent },
    { name: 'comm', type: btf.nextId + 3, at: 8 * at.comm },
    { name: 'tasks', type: list, at: 8 * at.tasks },
    { name: 'thread_node', type: list, at: 8 * at.node },
    { name: 'signal', type: task + 2, at: 8 * at.signal },
    { name: 'stack', type: pointer, at: 8 * at.stack },
    { name: 'thread', type: thread, at: 8 * at.thread },
    { name: 'ret_stack', type: shadowPointer, at: 8 * at.shadowStack },
    { name: 'curr_ret_stack', type: int, at: 8 * at.shadowTop },
    { name: 'rethooks', type: pointer, at: 8 * at.rethooks },
  ]);
  const taskPointer = btf.pointer(task);
  btf.pointer(signal);
  btf.array(char, 16);
  btf.struct('rq', 16, [
    { name: 'curr', type: taskPointer, at: 0 },
    { name: 'idle', type: taskPointer, at: 64 },
  ]);
  btf.struct('cpumask', 8, [{ name: 'bits', type: btf.array(ulong, 1), at: 0 }]);
  if (arch === 'arm64') {
    btf.struct('pt_regs', 288, [{ name: 'stackframe', type: btf.array(ulong, 2), at: 8 * 272 }]);
    if (recordMeta) btf.struct('frame_record_meta', 24, [{ name: 'type', type: ulong, at: 128 }]);
    return btf;
  }
  if (orc !== 'none') orcEntry(btf, orc, { short, uint });
  btf.struct('inactive_task_frame', 56, [
    { name: 'bp', type: ulong, at: 320 },
    { name: 'ret_addr', type: ulong, at: 384 },
  ]);
  btf.struct('irq_stack', 0x4000, [{ name: 'stack', type: btf.array(char, 0x4000), at: 0 }]);
  const page = btf.array(char, 0x1000);
  btf.struct('cea_exception_stacks', 0x4000, [
    { name: 'DF_stack_guard', type: page, at: 0 },
    { name: 'DF_stack', type: page, at: 8 * 0x1000 },
    { name: 'NMI_stack_guard', type: page, at: 8 * 0x2000 },
    { name: 'NMI_stack', type: page, at: 8 * 0x3000 },
  ]);
  const tss = btf.struct('x86_hw_tss', 16, [{ name: 'sp0', type: ulong, at: 32 }]);
  btf.struct('tss_struct', 64, [{ name: 'x86_tss', type: tss, at: 0 }]);
  btf.struct('entry_stack', 4096, [{ name: 'stack', type: page, at: 0 }]);
  return btf;
}

function orcEntry(
  btf: BtfBuilder,
  form: 'end' | 'both' | 'wide',
  { short, uint }: { readonly short: number; readonly uint: number },
): void {
  btf.struct('orc_entry', 6, [
    { name: 'sp_offset', type: short, at: 0 },
    { name: 'bp_offset', type: short, at: 16 },
    { name: 'sp_reg', type: uint, at: 32, bits: 4 },
    { name: 'bp_reg', type: uint, at: 36, bits: 4 },
    { name: 'type', type: uint, at: 40, bits: form === 'wide' ? 3 : 2 },
    ...(form === 'end' ? [] : [{ name: 'signal', type: uint, at: form === 'wide' ? 43 : 42, bits: 1 }]),
    ...(form === 'wide' ? [] : [{ name: 'end', type: uint, at: form === 'end' ? 42 : 43, bits: 1 }]),
  ]);
}
