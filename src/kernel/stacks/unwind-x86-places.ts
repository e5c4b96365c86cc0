/**
 * Where walks over x86_64 stacks begin, and what they have in common, whatever leads them on.
 *
 * Source of truth: struct inactive_task_frame of arch/x86/include/asm/switch_to.h, copy_thread() of arch/x86/kernel/process.c (Linux 4.18, 6.1, 7.2).
 */
import { asVaddr, hex } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';
import { followsCall } from './call-site.ts';
import type { FrameEvidence } from './frame.ts';
import type { Registers } from './registers.ts';
import type { StackPath } from './stack-areas.ts';
import type { KernelText } from './stack-text.ts';
import type { Place } from './unwind-walk.ts';

export interface X86Place extends Place {
  /** Undefined when nothing tells. */
  readonly bp: bigint | undefined;
}

export class X86Places {
  private readonly crashed: CrashedKernel;
  private readonly text: KernelText;
  private readonly path: StackPath;

  constructor(crashed: CrashedKernel, text: KernelText, path: StackPath) {
    this.crashed = crashed;
    this.text = text;
    this.path = path;
  }

  /** Where a pt_regs says. */
  at(registers: Registers, found: FrameEvidence): X86Place {
    const { pc, sp, framePointer } = registers;
    return { pc, sp, bp: framePointer, found, interrupted: true, registers };
  }

  /** A task that sleeps: what __switch_to_asm left on its stack. */
  fromTask(task: Struct): X86Place {
    const { crashed } = this;
    const sp = task.pointer('thread.sp');
    const frame = crashed.struct('inactive_task_frame', sp);
    this.path.check(sp, crashed.layouts.requireSize('inactive_task_frame'));
    const pc = frame.pointer('ret_addr');
    return {
      pc,
      sp: asVaddr(frame.addressOf('ret_addr') + 8n),
      bp: frame.pointer('bp'),
      found: 'registers',
      // A task that never ran begins there: what is before belongs to another function.
      interrupted:
        pc === crashed.symbols.address('ret_from_fork_asm') ||
        pc === crashed.symbols.address('ret_from_fork'),
      registers: undefined,
    };
  }

  /** A jump to where no text is (a null function pointer): the call that made it left its return address on top of the stack. */
  fromNowhere(place: X86Place): X86Place {
    const { crashed, text } = this;
    if (place.interrupted) {
      const pc = this.path.word(place.sp);
      if (text.at(pc - 1n) !== undefined && followsCall(crashed.kernel, pc)) {
        const sp = asVaddr(place.sp + 8n);
        this.path.move(place.sp, sp);
        return { pc, sp, bp: place.bp, found: 'call-site', interrupted: false, registers: undefined };
      }
    }
    throw this.path.broken(
      `nothing tells how the frame of ${hex(place.pc)} looks: it is no text of the kernel or its modules`,
    );
  }
}
