/**
 * A walk over an x86_64 stack by rbp, for kernels that are built with frame pointers instead of ORC (CONFIG_UNWINDER_FRAME_POINTER: Ubuntu's up to 5.x).
 *
 * Source of truth: arch/x86/kernel/unwind_frame.c, arch/x86/include/asm/frame.h (Linux 4.18, 5.15, 6.1). At rbp lies the caller's rbp, and above it the return
 * address. An odd rbp is the address of a pt_regs plus 1: the frame was made by entry code (ENCODE_FRAME_POINTER). Where rbp is 0, user space or the
 * beginning of the thread is.
 */
import { asVaddr, hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';
import { directCallTarget } from './call-site.ts';
import { type Registers, registersSize } from './registers.ts';
import type { StackPath } from './stack-areas.ts';
import { registersAt } from './stack-registers.ts';
import type { KernelText } from './stack-text.ts';
import type { NextPlace, StackWalker } from './unwind-walk.ts';
import { type X86Place, X86Places } from './unwind-x86-places.ts';

/** Bytes that `push %rbp; mov %rsp, %rbp` and what may come before it take: ENDBR64, the call to ftrace. */
const prologue = 16n;
/** What a thread may have left of its stack below the pt_regs at its end: padding, words of the code that starts a CPU. */
const beginning = 64n;

export class X86FrameWalker implements StackWalker<X86Place> {
  private readonly crashed: CrashedKernel;
  private readonly text: KernelText;
  private readonly path: StackPath;
  private readonly places: X86Places;

  constructor(crashed: CrashedKernel, text: KernelText, path: StackPath) {
    this.crashed = crashed;
    this.text = text;
    this.path = path;
    this.places = new X86Places(crashed, text, path);
  }

  fromRegisters(registers: Registers): X86Place {
    return this.places.at(registers, 'registers');
  }

  fromTask(task: Struct): X86Place {
    return this.places.fromTask(task);
  }

  next(place: X86Place): NextPlace<X86Place> {
    if (place.interrupted && this.text.at(place.pc) === undefined) return this.places.fromNowhere(place);
    const early = this.beforeItsFrame(place);
    if (early !== undefined) return early;
    const { bp = 0n } = place;
    if (bp === 0n) return this.atBeginning(place);
    if ((bp & 1n) === 1n) return this.interruptedBy(place, bp - 1n);
    const slot = asVaddr(bp + 8n);
    const pc = this.path.word(slot);
    const sp = asVaddr(bp + 16n);
    this.path.move(place.sp, sp);
    const callersBp = this.path.word(bp);
    return {
      pc,
      sp,
      bp: callersBp,
      slot,
      key: slot,
      found: 'frame-pointer',
      interrupted: false,
      registers: undefined,
    };
  }

  /** A function that was interrupted before rbp was its own: the return address is on top of the stack, or one word below. */
  private beforeItsFrame(place: X86Place): X86Place | undefined {
    const own = place.interrupted ? this.text.functionAt(place.pc) : undefined;
    if (own === undefined || own.offset > prologue) return undefined;
    for (const slot of [place.sp, asVaddr(place.sp + 8n)]) {
      const pc = this.path.word(slot);
      if (this.text.at(pc - 1n) === undefined || directCallTarget(this.crashed.kernel, pc) !== own.address)
        continue;
      const sp = asVaddr(slot + 8n);
      this.path.move(place.sp, sp);
      return {
        pc,
        sp,
        bp: place.bp,
        slot,
        key: slot,
        found: 'call-site',
        interrupted: false,
        registers: undefined,
      };
    }
    return undefined;
  }

  private interruptedBy(place: X86Place, address: bigint): NextPlace<X86Place> {
    this.path.check(address, registersSize('x86_64'));
    const registers = registersAt(this.crashed, address);
    if (registers.isUser) return { end: 'user mode', user: registers };
    this.path.move(place.sp, registers.sp);
    return this.places.at(registers, 'exception');
  }

  /** Where rbp leads no further. What entered the kernel from user space left its registers at the end of the stack. */
  private atBeginning({ sp, pc }: X86Place): NextPlace<X86Place> {
    const area = this.path.at(sp);
    const size = BigInt(registersSize('x86_64'));
    if (area === undefined || sp + size + beginning < area.end)
      throw this.path.broken(`rbp is 0 in the frame of ${hex(pc)}, before the beginning of the stack`);
    const registers = sp + size <= area.end ? registersAt(this.crashed, sp) : undefined;
    return registers?.isUser ? { end: 'user mode', user: registers } : { end: 'end of stack' };
  }
}
