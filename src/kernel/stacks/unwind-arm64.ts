/**
 * A walk over an arm64 stack by frame records: pairs { frame pointer, return address } that x29 leads from one to the next.
 *
 * Source of truth: arch/arm64/kernel/{stacktrace.c,entry.S,process.c}, arch/arm64/include/asm/{ptrace,stacktrace/frame}.h (Linux 4.18, 6.1, 6.12, 7.2).
 * Return addresses may be signed (PAC): vmcoreinfo's KERNELPACMASK has the bits, which are all set in an address of the kernel. A record inside a
 * pt_regs stands for an exception; what tells it:
 *   since 6.13   it is { 0, 0 } and followed by its kind (struct frame_record_meta, c2c6b27b5aa1): 1 the last one, 2 an exception
 *   before       its values are those of pt_regs.regs[29] and pt_regs.pc; that of an entry from user space is { 0, 0 }
 * A function that has not made its record yet, or makes none, has its return address in x30 alone. That is known only where registers were saved.
 */
import { viewOf } from '../../base/bytes.ts';
import { asVaddr, hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';
import { directCallTarget, followsCall } from './call-site.ts';
import type { FrameEvidence } from './frame.ts';
import { type Registers, registersSize } from './registers.ts';
import type { StackPath } from './stack-areas.ts';
import { registersAt } from './stack-registers.ts';
import type { KernelText } from './stack-text.ts';
import type { NextPlace, Place, StackWalker } from './unwind-walk.ts';

interface Arm64Place extends Place {
  /** x29: the frame record of this function, or, when it has none, of its caller. */
  readonly fp: bigint;
  /** Below which no further record can be on this stack. */
  readonly from: bigint;
}

const recordSize = 16;
/** enum of frame_record_meta.type. */
const exceptionRecord = 2n;

export class Arm64Walker implements StackWalker<Arm64Place> {
  private readonly crashed: CrashedKernel;
  private readonly text: KernelText;
  private readonly path: StackPath;
  private readonly pacMask: bigint;

  constructor(crashed: CrashedKernel, text: KernelText, path: StackPath) {
    this.crashed = crashed;
    this.text = text;
    this.path = path;
    this.pacMask = crashed.info.number('KERNELPACMASK') ?? 0n;
  }

  fromRegisters(registers: Registers): Arm64Place {
    return this.interruptedAt(registers, 'registers', registers.sp - 1n);
  }

  /** A task that sleeps: what cpu_switch_to() saved. */
  fromTask(task: Struct): Arm64Place {
    const context = task.struct('thread.cpu_context');
    const sp = context.pointer('sp');
    const pc = this.strip(context.pointer('pc'));
    return {
      pc,
      sp,
      fp: context.pointer('fp'),
      from: sp - 1n,
      found: 'registers',
      // A task that never ran begins there: what is before belongs to another function.
      interrupted: pc === this.crashed.symbols.address('ret_from_fork'),
      registers: undefined,
    };
  }

  next(place: Arm64Place): NextPlace<Arm64Place> {
    const caller = this.callerInLinkRegister(place);
    if (caller !== undefined) return caller;
    if (place.interrupted && this.text.at(place.pc) === undefined)
      throw this.path.broken(
        `nothing tells what called ${hex(place.pc)}: it is no text of the kernel or its modules, and x30 follows no call`,
      );
    return this.byRecord(place);
  }

  private byRecord(place: Arm64Place): NextPlace<Arm64Place> {
    const { fp } = place;
    this.path.check(fp, recordSize);
    this.path.move(place.from, fp);
    const nextFp = this.path.word(fp);
    const signed = this.path.word(fp + 8n);
    const exception = this.exceptionAt(fp, nextFp, signed);
    if (exception !== undefined) return exception;
    const slot = asVaddr(fp + 8n);
    return {
      pc: this.strip(signed),
      sp: asVaddr(fp + BigInt(recordSize)),
      fp: nextFp,
      from: fp,
      slot,
      key: nextFp,
      found: 'frame-pointer',
      interrupted: false,
      registers: undefined,
    };
  }

  /** What a record inside a pt_regs leads to; undefined when it is an ordinary one. */
  private exceptionAt(fp: bigint, nextFp: bigint, returnAddress: bigint): NextPlace<Arm64Place> | undefined {
    const isEmpty = nextFp === 0n && returnAddress === 0n;
    const kind = this.crashed.layouts.offset('frame_record_meta.type');
    if (kind !== undefined && !isEmpty) return undefined;
    const registers = this.registersAround(fp);
    if (isEmpty) {
      if (kind !== undefined && this.path.word(fp + BigInt(kind)) === exceptionRecord) {
        if (registers === undefined)
          throw this.path.broken('an exception left registers that are on no stack');
        return this.interruptedAt(registers, 'exception', fp);
      }
      // The first task has such a record in an empty pt_regs.
      return registers?.isUser && registers.pc !== 0n
        ? { end: 'user mode', user: registers }
        : { end: 'end of stack' };
    }
    const isException =
      registers !== undefined &&
      registers.framePointer === nextFp &&
      registers.pc === this.strip(returnAddress);
    return isException ? this.interruptedAt(registers, 'exception', fp) : undefined;
  }

  /** The pt_regs that would be around a record; undefined when it would not all be on the stack, or not in the dump. */
  private registersAround(fp: bigint): Registers | undefined {
    const inside = this.crashed.layouts.offset('pt_regs.stackframe');
    if (inside === undefined) return undefined;
    const start = fp - BigInt(inside);
    const area = this.path.at(start);
    if (area === undefined || start < area.start || start + BigInt(registersSize('arm64')) > area.end)
      return undefined;
    return registersAt(this.crashed, start);
  }

  private interruptedAt(registers: Registers, found: FrameEvidence, from: bigint): Arm64Place {
    const { sp, framePointer } = registers;
    return { pc: this.strip(registers.pc), sp, fp: framePointer, from, found, interrupted: true, registers };
  }

  /** The caller of a function that has not made its frame record: x30 says, when it is neither old nor in the record. */
  private callerInLinkRegister(place: Arm64Place): Arm64Place | undefined {
    const { registers } = place;
    if (registers === undefined) return undefined;
    const pc = this.strip(registers.get('x30'));
    const caller = this.text.functionAt(asVaddr(pc - 1n));
    const own = this.text.functionAt(place.pc);
    // After its first call x30 leads into the function itself.
    if (caller === undefined || caller.address === own?.address) return undefined;
    if (!followsCall(this.crashed.kernel, pc) || this.recordedReturn(place.fp) === pc) return undefined;
    const isDirect = own !== undefined && directCallTarget(this.crashed.kernel, pc) === own.address;
    return {
      pc,
      sp: registers.sp,
      fp: place.fp,
      from: place.from,
      found: isDirect ? 'call-site' : 'registers',
      interrupted: false,
      registers: undefined,
    };
  }

  /** The return address of the record at `fp`; undefined when there is none. */
  private recordedReturn(fp: bigint): Vaddr | undefined {
    const area = this.path.at(fp);
    if (area === undefined || fp < area.start || fp + BigInt(recordSize) > area.end) return undefined;
    const bytes = this.crashed.kernel.read(asVaddr(fp + 8n), 8);
    return this.strip(viewOf(bytes).getBigUint64(0, this.crashed.dump.littleEndian));
  }

  private strip(address: bigint): Vaddr {
    // Bit 55 tells the kernel's half; 0 stays what it is.
    return asVaddr((address >> 55n) & 1n ? address | this.pacMask : address);
  }
}
