/**
 * What a walk over a stack gives: frames, and how it ended.
 *
 * Nothing in a stack is a guess: a frame is there because registers, tables or the code itself say so, and it tells which. Where none of them does, the
 * walk ends and says why.
 */
import type { Vaddr } from '../../base/units.ts';
import type { Registers } from './registers.ts';

/**
 * How a frame was found.
 *   registers      where the walk began: registers that the crash or the scheduler saved
 *   orc            by the kernel's own unwind tables (x86_64)
 *   frame-pointer  by a frame record (arm64), or by rbp in code of BPF and in kernels without ORC (x86_64)
 *   call-site      its text calls the function of the frame before it, at exactly the place that the return address names
 *   exception      registers that an interrupt or exception left on the stack
 */
export type FrameEvidence = 'registers' | 'orc' | 'frame-pointer' | 'call-site' | 'exception';

export interface Frame {
  readonly pc: Vaddr;
  /** Stack pointer in this frame. */
  readonly sp: Vaddr;
  /** Undefined where no symbol is known: what ran was no text of the kernel or its modules. */
  readonly symbol: string | undefined;
  /** From the symbol on, bytes. */
  readonly offset: number | undefined;
  /** Undefined for the kernel itself. */
  readonly module: string | undefined;
  readonly found: FrameEvidence;
  /** It was stopped at pc; else pc is where the frame before it returns to. */
  readonly interrupted: boolean;
  /** All registers, where they were saved. */
  readonly registers: Registers | undefined;
}

/**
 * How a walk ended: where the kernel was entered from user space, where a kernel thread began, or before that. A task that exited has no stack any more,
 * only its parent has not asked for its status yet.
 */
export type StackEnd = 'user mode' | 'end of stack' | 'exited' | 'incomplete';

export interface Stack {
  /** Innermost first. */
  readonly frames: readonly Frame[];
  readonly end: StackEnd;
  /** Why it is not all: what is not in the dump, or does not hold together. Undefined for all other ends. */
  readonly incomplete: string | undefined;
  /** Of user space, when the walk came there. */
  readonly user: Registers | undefined;
  /** What else there is to say, in lines for people. */
  readonly remarks: readonly string[];
}
