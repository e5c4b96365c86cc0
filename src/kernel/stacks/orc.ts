/**
 * ORC: what x86_64 kernels know of their own stack frames. For ranges of text, how the caller's stack pointer is found (the "previous SP", which DWARF
 * calls CFA), what lies below it, and where rbp was saved.
 *
 * Source of truth: arch/x86/include/asm/orc_types.h and arch/x86/kernel/unwind_orc.c. An entry has 6 bytes: s16 sp_offset, s16 bp_offset, and 16 bits
 * of fields. What moved, and what tells:
 *   type    2 bits (call 0, regs 1, partial 2) beside a bit `end`, up to 6.3; 3 bits with undefined 0 and end 1 before them since 6.4 (fb799447ae29),
 *           also in RHEL 9: the widths are the types' of struct orc_entry
 *   signal  a bit of its own since 6.3 (ffb1b4a41016); before, what type says
 *   numbers of registers   others since 7.1: `orc_fp_entry` and `null_orc_entry` are entries whose meaning does not change
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';

export const orcEntrySize = 6;

/** What a register field names. */
export type OrcBase =
  | 'undefined'
  | 'previous-sp'
  | 'sp'
  | 'bp'
  | 'sp-indirect'
  | 'bp-indirect'
  | 'rax'
  | 'rdx'
  | 'rdi'
  | 'r10'
  | 'r13';

export interface OrcEntry {
  /**
   * call       the return address lies below the previous SP
   * registers  a pt_regs lies at it
   * partial    what the processor pushes for an exception lies at it
   * end        nothing called this
   * undefined  nobody knows
   */
  readonly type: 'call' | 'registers' | 'partial' | 'end' | 'undefined';
  readonly sp: OrcBase;
  readonly spOffset: number;
  readonly bp: OrcBase;
  readonly bpOffset: number;
  /** The frame that this leads to was interrupted. */
  readonly signal: boolean;
}

/** Up to 7.0. */
const numbered: readonly OrcBase[] = [
  'undefined',
  'previous-sp',
  'rdx',
  'rdi',
  'bp',
  'sp',
  'r10',
  'r13',
  'bp-indirect',
  'sp-indirect',
];
const renumbered: readonly OrcBase[] = [
  'undefined',
  'rax',
  'rdx',
  'sp',
  'bp',
  'rdi',
  'r10',
  'r13',
  'previous-sp',
  'sp-indirect',
  'bp-indirect',
];

const narrowTypes = ['call', 'registers', 'partial', 'undefined'] as const;
const wideTypes = ['undefined', 'end', 'call', 'registers', 'partial'] as const;

interface BitField {
  /** In bits from the beginning of the entry. */
  readonly at: number;
  readonly size: number;
}

/** How entries of one kernel are to be read. */
export class OrcFormat {
  private readonly fields: Readonly<Record<'sp_reg' | 'bp_reg' | 'type', BitField>>;
  private readonly signal: BitField | undefined;
  private readonly end: BitField | undefined;
  private readonly bases: readonly OrcBase[];

  /** E_NO_INFO when types or symbols do not tell, E_CORRUPT when what they tell is no form that is known. */
  constructor(crashed: CrashedKernel) {
    const field = (name: string): BitField | undefined => {
      const place = crashed.layouts.member(`orc_entry.${name}`);
      const bits = place?.member.bits;
      return bits === undefined ? undefined : { at: place!.offset * 8 + bits.offset, size: bits.size };
    };
    const required = (name: string): BitField => {
      const found = field(name);
      if (found !== undefined && found.at + found.size <= 8 * orcEntrySize) return found;
      throw new VmcoreError(
        'E_NO_INFO',
        `nothing tells where orc_entry.${name} is, so stacks cannot be walked`,
        {
          file: crashed.dump.source.name,
          hint: 'give the vmlinux of this kernel with --vmlinux',
        },
      );
    };
    this.fields = { sp_reg: required('sp_reg'), bp_reg: required('bp_reg'), type: required('type') };
    this.signal = field('signal');
    this.end = field('end');
    this.bases = this.registerNumbers(crashed);
  }

  decode(view: DataView, offset: number, littleEndian: boolean): OrcEntry {
    const bits = ({ at, size }: BitField): number =>
      (view.getUint16(offset + 4, littleEndian) >> (at - 32)) & ((1 << size) - 1);
    const number = bits(this.fields.type);
    const ends = this.end !== undefined && bits(this.end) === 1;
    const type = ends ? 'end' : (this.fields.type.size > 2 ? wideTypes : narrowTypes)[number];
    const sp = this.bases[bits(this.fields.sp_reg)] ?? 'undefined';
    const isKnown = type === 'end' || sp !== 'undefined';
    return {
      type: isKnown && type !== undefined ? type : 'undefined',
      sp,
      spOffset: view.getInt16(offset, littleEndian),
      bp: this.bases[bits(this.fields.bp_reg)] ?? 'undefined',
      bpOffset: view.getInt16(offset + 2, littleEndian),
      signal:
        this.signal === undefined ? type === 'registers' || type === 'partial' : bits(this.signal) === 1,
    };
  }

  /**
   * null_orc_entry is "the return address is on top of the stack" (sp), orc_fp_entry is "rbp was saved below the return address" (bp, previous SP).
   */
  private registerNumbers(crashed: CrashedKernel): readonly OrcBase[] {
    const { symbols, kernel } = crashed;
    const fieldOf = (symbol: string, { at, size }: BitField): number | undefined => {
      const address = symbols.address(symbol);
      if (address === undefined) return undefined;
      const word = viewOf(kernel.read(asVaddr(address + 4n), 2)).getUint16(0, kernel.dump.littleEndian);
      return (word >> (at - 32)) & ((1 << size) - 1);
    };
    const previousSp = fieldOf('orc_fp_entry', this.fields.bp_reg);
    const sp = fieldOf('null_orc_entry', this.fields.sp_reg);
    for (const bases of [numbered, renumbered]) {
      const fits = (number: number | undefined, base: OrcBase): boolean =>
        number === undefined || bases[number] === base;
      if (previousSp === undefined && sp === undefined) break;
      if (fits(previousSp, 'previous-sp') && fits(sp, 'sp')) return bases;
    }
    const isKnown = previousSp !== undefined || sp !== undefined;
    throw new VmcoreError(
      isKnown ? 'E_CORRUPT' : 'E_NO_INFO',
      isKnown
        ? 'its ORC entries name registers in no known way'
        : 'no symbol tells how its ORC entries name registers',
      { file: crashed.dump.source.name, hint: 'it may be of a kernel newer than this program' },
    );
  }
}
