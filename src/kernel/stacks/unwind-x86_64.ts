/**
 * A walk over an x86_64 stack by ORC, the kernel's own unwind tables.
 *
 * Source of truth: unwind_next_frame() of arch/x86/kernel/unwind_orc.c (Linux 4.18, 6.1, 6.12, 7.2). Of the registers, the walk carries what ORC needs: instruction and stack pointer, and rbp as long as it is known.
 */
import { asVaddr, hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';
import { findCallTo } from './call-site.ts';
import type { OrcEntry } from './orc.ts';
import type { OrcTables } from './orc-table.ts';
import { type Registers, registersSize } from './registers.ts';
import type { StackPath } from './stack-areas.ts';
import type { BpfCode } from './stack-bpf.ts';
import { registersAt } from './stack-registers.ts';
import type { KernelText } from './stack-text.ts';
import type { NextPlace, StackWalker } from './unwind-walk.ts';
import { type X86Place, X86Places } from './unwind-x86-places.ts';

/** Of an interrupted frame in pt_regs. */
const iretFrame = { size: 40, rip: 0n, cs: 8n, rsp: 24n } as const;
/** What a function without ORC may have on the stack: __crash_kexec has a pt_regs and little else. */
const longestGap = 4096n;

/** Bytes that BPF's code may take until rbp is its own: endbr64, nops for ftrace, the tail call counter. */
const bpfPrologue = 32n;

export interface X86Sources {
  readonly crashed: CrashedKernel;
  readonly text: KernelText;
  readonly orc: OrcTables;
}

export class X86Walker implements StackWalker<X86Place> {
  private readonly sources: X86Sources;
  private readonly path: StackPath;
  private readonly places: X86Places;

  constructor(sources: X86Sources, path: StackPath) {
    this.sources = sources;
    this.path = path;
    this.places = new X86Places(sources.crashed, sources.text, path);
  }

  fromRegisters(registers: Registers): X86Place {
    return this.places.at(registers, 'registers');
  }

  fromTask(task: Struct): X86Place {
    return this.places.fromTask(task);
  }

  next(place: X86Place): NextPlace<X86Place> {
    const { text, orc } = this.sources;
    const at = asVaddr(place.interrupted ? place.pc : place.pc - 1n);
    const range = text.at(at);
    if (range === undefined) return this.places.fromNowhere(place);
    if (range.bpf !== undefined) return this.byFramePointer(place, range.bpf);
    const entry = orc.find(at, range.module);
    switch (entry?.type) {
      case 'end':
        return { end: 'end of stack' };
      case 'call':
      case 'registers':
      case 'partial': {
        const previous = this.previousSp(place, entry);
        return previous === undefined ? this.acrossGap(place, at) : this.byEntry(place, entry, previous);
      }
      default:
        return this.acrossGap(place, at);
    }
  }

  private byEntry(place: X86Place, entry: OrcEntry, previous: bigint): NextPlace<X86Place> {
    switch (entry.type) {
      case 'registers': {
        this.path.check(previous, registersSize('x86_64'));
        const registers = registersAt(this.sources.crashed, previous);
        if (registers.isUser) return { end: 'user mode', user: registers };
        this.path.move(place.sp, registers.sp);
        return { ...this.places.at(registers, 'exception'), interrupted: entry.signal };
      }
      case 'partial': {
        this.path.check(previous, iretFrame.size);
        if ((this.path.word(previous + iretFrame.cs) & 3n) === 3n)
          return { end: 'user mode', user: undefined };
        const sp = this.path.word(previous + iretFrame.rsp);
        const pc = this.path.word(previous + iretFrame.rip);
        this.path.move(place.sp, sp);
        const bp = this.callersBp(place, entry, previous);
        return { pc, sp, bp, found: 'exception', interrupted: entry.signal, registers: undefined };
      }
      default: {
        const slot = asVaddr(previous - 8n);
        const pc = this.path.word(slot);
        this.path.move(place.sp, previous);
        const bp = this.callersBp(place, entry, previous);
        return {
          pc,
          sp: asVaddr(previous),
          bp,
          slot,
          key: slot,
          found: 'orc',
          interrupted: false,
          registers: undefined,
        };
      }
    }
  }

  /** The caller's stack pointer; undefined when it is in a register that is not known any more. */
  private previousSp(place: X86Place, { sp: base, spOffset }: OrcEntry): bigint | undefined {
    const offset = BigInt(spOffset);
    switch (base) {
      case 'sp':
        return place.sp + offset;
      case 'bp':
        return place.bp === undefined ? undefined : place.bp + offset;
      case 'sp-indirect': {
        // The offset is added to what the word says since 5.12 (87ccc826bf1c), to where the word is before.
        const now = this.path.word(place.sp) + offset;
        return offset === 0n || this.path.at(now) !== undefined ? now : this.path.word(place.sp + offset);
      }
      case 'bp-indirect':
        return place.bp === undefined ? undefined : this.path.word(place.bp + offset);
      case 'rax':
      case 'rdx':
      case 'rdi':
      case 'r10':
      case 'r13':
        return place.registers?.get(base);
      default:
        return undefined;
    }
  }

  private callersBp(place: X86Place, { bp, bpOffset }: OrcEntry, previous: bigint): bigint | undefined {
    switch (bp) {
      case 'previous-sp':
        return this.path.word(previous + BigInt(bpOffset));
      case 'bp':
        return place.bp === undefined ? undefined : this.path.word(place.bp + BigInt(bpOffset));
      default:
        return place.bp;
    }
  }

  /** BPF's code keeps frame pointers, but for its first and last instructions. */
  private byFramePointer(place: X86Place, { start }: BpfCode): NextPlace<X86Place> {
    const { bp, pc } = place;
    if (bp === undefined || (place.interrupted && pc < start + bpfPrologue))
      throw this.path.broken(`nothing tells how the frame of BPF code at ${hex(pc)} looks`);
    const slot = asVaddr(bp + 8n);
    const sp = asVaddr(bp + 16n);
    const caller = this.path.word(slot);
    this.path.move(place.sp, sp);
    return {
      pc: caller,
      sp,
      bp: this.path.word(bp),
      slot,
      key: slot,
      found: 'frame-pointer',
      interrupted: false,
      registers: undefined,
    };
  }

  /** The caller of a function that has no ORC: by the call itself. */
  private acrossGap(place: X86Place, at: Vaddr): NextPlace<X86Place> {
    const { crashed, text } = this.sources;
    const gap = text.functionAt(at);
    const area = this.path.at(place.sp);
    if (gap === undefined || area === undefined)
      throw this.path.broken(
        `nothing tells how the frame of ${hex(place.pc)} looks: it has no ORC entry and no symbol`,
      );
    const end = place.sp + longestGap < area.end ? place.sp + longestGap : area.end;
    const site = findCallTo(crashed.kernel, text, gap.address, { from: place.sp, end });
    if (site === undefined)
      throw this.path.broken(`${gap.name} has no ORC entry, and no call to it is on the stack`);
    const sp = asVaddr(site.slot + 8n);
    this.path.move(place.sp, sp);
    // Whether the function changed rbp is not known; where the caller needs it, the next call is looked for too.
    return {
      pc: site.returnAddress,
      sp,
      bp: undefined,
      found: 'call-site',
      interrupted: false,
      registers: undefined,
    };
  }
}
