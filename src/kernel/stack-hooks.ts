/**
 * Return addresses that tracers took away: a function graph tracer or a return probe puts its own code in their place on the stack and keeps the true one.
 *
 * Source of truth: kernel/trace/fgraph.c, kernel/trace/rethook.c, kernel/kprobes.c, and what arch/x86 and arm64 tell them of a frame (Linux 5.15, 6.1, 6.12,
 * 7.2). Each tracer keeps a list a task, in which a frame is known by the place of the return address (x86_64) or by its caller's x29 (arm64):
 *   function graph  task_struct.ret_stack: ftrace_ret_stack {ret, retp}; an array up to 6.10, since then words among which they lie (42675b723b48)
 *   rethook         task_struct.rethooks: rethook_node {ret_addr, frame}; x86_64 since 5.18 (f3a112c0c40d)
 *   kretprobe       task_struct.kretprobe_instances: kretprobe_instance {ret_addr, fp}; since 5.11 (d741bf41d7c7), where there is no rethook
 */
import { viewOf } from '../base/bytes.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import type { CrashedKernel } from './crashed-kernel.ts';
import { walkHlist } from './lists.ts';
import { Missing } from './missing.ts';
import type { Struct } from './struct.ts';
import { unaliased } from './types.ts';

interface Hook {
  /** What stands on the stack in place of a return address. */
  readonly symbols: readonly string[];
  readonly name: string;
  /** The true return address of the frame that is known by `key`. */
  find(crashed: CrashedKernel, task: Struct, key: bigint): Vaddr | undefined;
}

const hooks: readonly Hook[] = [
  { symbols: ['return_to_handler'], name: 'the function graph tracer', find: inShadowStack },
  {
    symbols: ['arch_rethook_trampoline'],
    name: 'a return probe',
    find: (crashed, task, key) =>
      inList(crashed, task, key, { list: 'rethooks', node: 'rethook_node', frame: 'frame' }),
  },
  {
    symbols: ['__kretprobe_trampoline', 'kretprobe_trampoline'],
    name: 'a return probe',
    find: (crashed, task, key) =>
      inList(crashed, task, key, { list: 'kretprobe_instances', node: 'kretprobe_instance', frame: 'fp' }),
  },
];

/** Words of a shadow stack: a page, or 50 entries of 5. */
const maxWords = 8192;

export interface TakenReturn {
  /** Who took it. */
  readonly by: string;
  /** Undefined when its list does not have it. */
  readonly returnAddress: Vaddr | undefined;
}

/** For the stack of one task. */
export class ReturnHooks {
  private readonly crashed: CrashedKernel;
  private readonly task: Struct | undefined;

  /** `task`: undefined when it is not known whose the stack is. */
  constructor(crashed: CrashedKernel, task: Struct | undefined) {
    this.crashed = crashed;
    this.task = task;
  }

  /** Undefined for a return address that nobody took. */
  taken(returnAddress: Vaddr, key: bigint): TakenReturn | undefined {
    const { crashed, task } = this;
    const hook = hooks.find(({ symbols }) =>
      symbols.some((name) => crashed.symbols.address(name) === returnAddress),
    );
    if (hook === undefined) return undefined;
    const found = task && new Missing().attempt('', () => hook.find(crashed, task, key));
    return { by: hook.name, returnAddress: found };
  }
}

/** The last entry of its frame: a function can be traced twice. */
function inShadowStack({ kernel, layouts }: CrashedKernel, task: Struct, key: bigint): Vaddr | undefined {
  const stack = task.pointer('ret_stack');
  const top = task.number('curr_ret_stack');
  const type = layouts.member('task_struct.ret_stack')?.member.type();
  const pointer = type === undefined ? undefined : unaliased(type);
  const isArray = pointer?.kind === 'pointer' && unaliased(pointer.target()).kind === 'struct';
  const size = layouts.requireSize('ftrace_ret_stack');
  // The number of the last entry; or how many words are in use.
  const bytes = isArray ? (top + 1) * size : top * 8;
  if (stack === 0n || bytes <= 0 || bytes > maxWords * 8) return undefined;
  const view = viewOf(kernel.read(stack, bytes));
  const at = {
    ret: layouts.requireOffset('ftrace_ret_stack.ret'),
    key: layouts.requireOffset('ftrace_ret_stack.retp'),
  };
  for (let entry = bytes - size; entry >= 0; entry -= isArray ? size : 8)
    if (view.getBigUint64(entry + at.key, kernel.dump.littleEndian) === key)
      return asVaddr(view.getBigUint64(entry + at.ret, kernel.dump.littleEndian));
  return undefined;
}

function inList(
  crashed: CrashedKernel,
  task: Struct,
  key: bigint,
  { list, node, frame }: { readonly list: string; readonly node: string; readonly frame: string },
): Vaddr | undefined {
  const inNode = BigInt(crashed.layouts.requireOffset(`${node}.llist`));
  // An llist_head is a pointer to the first node, as an hlist_head is.
  for (const link of walkHlist(crashed.kernel, task.addressOf(list))) {
    const taken = crashed.struct(node, link - inNode);
    const returnAddress = taken.pointer('ret_addr');
    // Of several probes of a function only the first one to come took the true address.
    if (taken.pointer(frame) === key && !isTrampoline(crashed, returnAddress)) return returnAddress;
  }
  return undefined;
}

const isTrampoline = ({ symbols }: CrashedKernel, address: Vaddr): boolean =>
  hooks.some((hook) => hook.symbols.some((name) => symbols.address(name) === address));
