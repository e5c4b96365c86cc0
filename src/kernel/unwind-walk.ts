/**
 * The walk itself, the same for every architecture: from place to place until user space, the beginning of the thread, or what is not to be known.
 *
 * Every place is looked at before it becomes a frame: a return address must lie in text. Stacks have few frames, and `StackPath` lets the stack
 * pointer only go up; what is more than any stack can hold is a mistake of ours all the same.
 */
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, hex, type Vaddr } from '../base/units.ts';
import type { Frame, FrameEvidence, Stack } from './frame.ts';
import type { Registers } from './registers.ts';
import type { KernelText } from './stack-text.ts';

/** Where execution is, in one frame. Walkers carry more. */
export interface Place {
  readonly pc: Vaddr;
  readonly sp: Vaddr;
  readonly found: FrameEvidence;
  readonly interrupted: boolean;
  readonly registers: Registers | undefined;
  /** Where on the stack pc was read as a return address. */
  readonly slot?: Vaddr;
}

export type NextPlace<P extends Place> =
  | P
  | { readonly end: 'user mode' | 'end of stack'; readonly user?: Registers | undefined };

export interface StackWalker<P extends Place> {
  /** Where the registers of a CPU are. */
  fromRegisters(registers: Registers): P;
  /** Where a sleeping task (a task_struct) goes on. */
  fromTask(task: import('./struct.ts').Struct): P;
  /** The place that called this one. E_CORRUPT or E_UNREADABLE when nothing leads there. */
  next(place: P): NextPlace<P>;
}

/** A word for every second one of the largest stacks. */
const maxFrames = 8192;

export const emptyStack = (incomplete: string): Stack => ({
  frames: [],
  end: 'incomplete',
  incomplete,
  user: undefined,
  remarks: [],
});

/** Walks from where `begin` says. Never throws for what is wrong with the dump: the stack tells. */
export function walk<P extends Place>(
  text: KernelText,
  walker: StackWalker<P>,
  begin: () => P,
  remarks: readonly string[] = [],
): Stack {
  const frames: Frame[] = [];
  const incomplete = (why: string): Stack => ({
    frames,
    end: 'incomplete',
    incomplete: why,
    user: undefined,
    remarks,
  });
  try {
    let place = begin();
    for (;;) {
      const function_ = text.functionAt(asVaddr(place.interrupted ? place.pc : place.pc - 1n));
      // Where registers say that something ran, it did, whatever is there.
      if (function_ === undefined && place.found !== 'registers')
        return incomplete(
          `${place.slot === undefined ? 'the next frame' : `the return address at ${hex(place.slot)}`} leads to ${hex(place.pc)}, which is no text of the kernel or its modules`,
        );
      if (frames.length >= maxFrames) return incomplete(`more than ${maxFrames} frames`);
      frames.push({
        pc: place.pc,
        sp: place.sp,
        symbol: function_?.name,
        offset: function_ === undefined ? undefined : Number(place.pc - function_.address),
        module: function_?.module,
        found: place.found,
        interrupted: place.interrupted,
        registers: place.registers,
      });
      const next = walker.next(place);
      if ('end' in next) return { frames, end: next.end, incomplete: undefined, user: next.user, remarks };
      place = next;
    }
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return incomplete(error.message);
  }
}
