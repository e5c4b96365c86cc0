/**
 * Return addresses that tracers took away: a function graph tracer or a return probe puts its own code in their place on the stack and keeps the true one.
 *
 * Source of truth: kernel/trace/fgraph.c, kernel/trace/rethook.c, kernel/kprobes.c, and what arch/x86 and arm64 tell them of a frame (Linux 5.15, 6.1, 6.12,
 * 7.2). Each tracer keeps a list a task, in which a frame is known by the place of the return address (x86_64) or by its caller's x29 (arm64):
 *   function graph  task_struct.ret_stack: ftrace_ret_stack {ret, retp}; an array up to 6.10, since then words among which they lie (42675b723b48)
 *   rethook         task_struct.rethooks: rethook_node {ret_addr, frame}; x86_64 since 5.18 (f3a112c0c40d)
 *   kretprobe       task_struct.kretprobe_instances: kretprobe_instance {ret_addr, fp}; since 5.11 (d741bf41d7c7), where there is no rethook
 */
import { viewOf } from '../../base/bytes.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { walkHlist } from '../lists/lists.ts';
import { Missing } from '../missing.ts';
import type { Struct } from '../struct.ts';
import { unaliased } from '../types/types.ts';

interface Hook {
  /** What stands on the stack in place of a return address. */
  readonly symbols: readonly string[];
  readonly name: string;
  /** The true return address of the frame that is known by `key`. */
  find(
    crashed: CrashedKernel,
    task: Struct,
    key: bigint,
    isTrampoline: (address: Vaddr) => boolean,
  ): Vaddr | undefined;
}

const hooks: readonly Hook[] = [
  { symbols: ['return_to_handler'], name: 'the function graph tracer', find: inShadowStack },
  {
    symbols: ['arch_rethook_trampoline'],
    name: 'a return probe',
    find: inList({ list: 'rethooks', node: 'rethook_node', frame: 'frame' }),
  },
  {
    symbols: ['__kretprobe_trampoline', 'kretprobe_trampoline'],
    name: 'a return probe',
    find: inList({ list: 'kretprobe_instances', node: 'kretprobe_instance', frame: 'fp' }),
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

export class ReturnHooks {
  private readonly crashed: CrashedKernel;
  /** By what stands on the stack. */
  private readonly trampolines: ReadonlyMap<bigint, Hook>;

  constructor(crashed: CrashedKernel) {
    this.crashed = crashed;
    this.trampolines = new Map(
      hooks.flatMap((hook) =>
        hook.symbols.flatMap((name) => {
          const address = crashed.symbols.address(name);
          return address === undefined ? [] : [[address, hook] as const];
        }),
      ),
    );
  }

  /** Undefined for a return address that nobody took. `task`: whose stack it is on; undefined when that is not known. */
  taken(returnAddress: Vaddr, key: bigint, task: Struct | undefined): TakenReturn | undefined {
    const hook = this.trampolines.get(returnAddress);
    if (hook === undefined) return undefined;
    const find = (): Vaddr | undefined =>
      task && hook.find(this.crashed, task, key, (address) => this.trampolines.has(address));
    return { by: hook.name, returnAddress: new Missing().attempt('', find) };
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

function inList({
  list,
  node,
  frame,
}: {
  readonly list: string;
  readonly node: string;
  readonly frame: string;
}): Hook['find'] {
  return (crashed, task, key, isTrampoline) => {
    const inNode = BigInt(crashed.layouts.requireOffset(`${node}.llist`));
    // An llist_head is a pointer to the first node, as an hlist_head is.
    for (const link of walkHlist(crashed.kernel, task.addressOf(list))) {
      const taken = crashed.struct(node, link - inNode);
      const returnAddress = taken.pointer('ret_addr');
      // Of several probes of a function only the first one to come took the true address.
      if (taken.pointer(frame) === key && !isTrampoline(returnAddress)) return returnAddress;
    }
    return undefined;
  };
}
