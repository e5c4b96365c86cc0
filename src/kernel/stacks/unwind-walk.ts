/**
 * The walk itself, the same for every architecture: from place to place until user space, the beginning of the thread, or what is not to be known.
 *
 * Every place is looked at before it becomes a frame: a return address must lie in text. Stacks have few frames, and `StackPath` lets the stack
 * pointer only go up; what is more than any stack can hold is a mistake of ours all the same.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';
import { canBeReturn } from './call-site.ts';
import type { Frame, FrameEvidence, Stack } from './frame.ts';
import type { Registers } from './registers.ts';
import type { StackPath } from './stack-areas.ts';
import type { ReturnHooks } from './stack-hooks.ts';
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
  /** What tracers that take return addresses away know the frame by. */
  readonly key?: bigint;
}

export type NextPlace<P extends Place> =
  | P
  | { readonly end: 'user mode' | 'end of stack'; readonly user?: Registers | undefined };

export interface StackWalker<P extends Place> {
  /** Where the registers of a CPU are. */
  fromRegisters(registers: Registers): P;
  /** Where a sleeping task (a task_struct) goes on. */
  fromTask(task: Struct): P;
  /** The place that called this one. E_CORRUPT or E_UNREADABLE when nothing leads there. */
  next(place: P): NextPlace<P>;
}

export interface WalkSources<P extends Place> {
  readonly crashed: CrashedKernel;
  readonly text: KernelText;
  readonly path: StackPath;
  readonly walker: StackWalker<P>;
  readonly hooks: ReturnHooks;
  /** Whose stack it is, when that is known. */
  readonly task: Struct | undefined;
  /** What is known before the walk begins. */
  readonly remarks: readonly string[];
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
  { crashed, text, path, task, walker, hooks, remarks: known }: WalkSources<P>,
  begin: () => P,
): Stack {
  const frames: Frame[] = [];
  const remarks = [...known];
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
      if (frames.length >= maxFrames) return incomplete(`more than ${maxFrames} frames`);
      const taken = place.key === undefined ? undefined : hooks.taken(place.pc, place.key, task);
      if (taken !== undefined) {
        if (taken.returnAddress === undefined)
          return incomplete(`${taken.by} took the return address, and what it was is not known`);
        remarks.push(
          `${taken.by} took the return address of frame ${frames.length - 1}; shown is where it leads in the end`,
        );
        place = { ...place, pc: taken.returnAddress };
      }
      if (!place.interrupted && !canBeReturn(crashed.kernel, text, place.pc))
        return incomplete(notAReturn(text, place));
      const overrun = place.interrupted ? path.overrun(place.sp) : undefined;
      if (overrun !== undefined) remarks.push(overrun);
      const frame = frameOf(text, place);
      // Where registers say that something ran, it did; what an exception left must go on from there too.
      const isProven = frame.symbol !== undefined || place.found === 'registers';
      if (isProven) frames.push(frame);
      const next = walker.next(place);
      if (!isProven) frames.push(frame);
      if ('end' in next) return { frames, end: next.end, incomplete: undefined, user: next.user, remarks };
      place = next;
    }
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return incomplete(error.message);
  }
}

function frameOf(text: KernelText, place: Place): Frame {
  const function_ = text.functionAt(asVaddr(place.interrupted ? place.pc : place.pc - 1n));
  return {
    pc: place.pc,
    sp: place.sp,
    symbol: function_?.name,
    offset: function_ === undefined ? undefined : Number(place.pc - function_.address),
    module: function_?.module,
    found: place.found,
    interrupted: place.interrupted,
    registers: place.registers,
  };
}

function notAReturn(text: KernelText, { pc, slot }: Place): string {
  const where = slot === undefined ? 'the next frame' : `the return address at ${hex(slot)}`;
  const isText = text.at(pc - 1n) !== undefined;
  return `${where} is ${hex(pc)}, ${isText ? 'where no call returns to' : 'which is no text of the kernel or its modules'}`;
}
