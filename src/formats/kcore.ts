/**
 * /proc/kcore: the running kernel's memory as an ELF core, by virtual addresses.
 *
 * RAM and the kernel's image have their physical address beside the virtual one (since Linux 4.11, 464920104bf7); everything else
 * (vmalloc, modules, vmemmap) has the address -1 and is reached by page tables, as in a dump. The kernel says of itself what a dump's
 * VMCOREINFO note says since 4.19 (23c85094fe18); before that, its address is in /sys/kernel/vmcoreinfo.
 *
 * Source of truth: fs/proc/kcore.c (Linux 6.1). The machine runs while it is read: no two reads need agree.
 */
import { latin1, u64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asPaddr } from '../base/units.ts';
import { type Dump, type DumpFormat, noteNames } from './dump.ts';
import {
  ElfType,
  elfHeaderSize,
  isElf,
  type ProgramHeader,
  parseElf,
  parseNotes,
  programHeaderSize,
  SegmentType,
} from './elf.ts';
import { archOf, readNotes } from './elf-core.ts';
import { ElfMemory } from './elf-memory.ts';
import { pageSizeOf, vmcoreinfoText } from './notes.ts';

/** p_paddr of what is not RAM: all ones, which as a Number is anything from 2^63 on. */
const isPhysical = (paddr: number): boolean => paddr < 2 ** 56;

export const kcore: DumpFormat = {
  name: 'kcore',
  probe(head) {
    if (!isElf(head) || head.length < elfHeaderSize) return false;
    const littleEndian = head[5] === 1;
    const view = viewOf(head);
    if (view.getUint16(16, littleEndian) !== ElfType.core) return false;
    // The first segments are enough: vmalloc is among them, and has no physical address.
    for (let at = elfHeaderSize; at + programHeaderSize <= head.length; at += programHeaderSize) {
      if (at >= elfHeaderSize + view.getUint16(56, littleEndian) * programHeaderSize) break;
      if (view.getUint32(at, littleEndian) !== SegmentType.load) continue;
      if (!isPhysical(u64(view, at + 24, littleEndian))) return true;
    }
    return false;
  },
  open(source) {
    const elf = parseElf(source);
    const arch = archOf(elf);
    const notes = readNotes(elf);
    const vmcoreinfo = vmcoreinfoText(notes);
    const segments = elf.segments.filter(({ type, paddr }) => type === SegmentType.load && isPhysical(paddr));
    checkPhysical(segments, source.name);
    const pageSize = pageSizeOf(vmcoreinfo);
    return {
      format: 'kcore',
      arch,
      source,
      littleEndian: elf.littleEndian,
      memory: new ElfMemory(source, segments, pageSize),
      notes,
      vmcoreinfo,
      segments,
      describe: () => ({
        format: 'kcore',
        detail: `the running kernel, ${segments.length} memory segments`,
        arch,
        pageSize,
        dumpLevel: undefined,
        incomplete: false,
        compression: undefined,
        zeroPages: undefined,
      }),
    } satisfies Dump;
  },
};

/** Before 4.11 every p_paddr was 0. */
function checkPhysical(segments: readonly ProgramHeader[], file: string): void {
  const large = segments.filter(({ memorySize }) => memorySize > 0);
  if (large.length > 0 && !(large.length > 1 && large.every(({ paddr }) => paddr === 0))) return;
  throw new VmcoreError('E_UNSUPPORTED', 'does not tell physical addresses', {
    file,
    hint: 'this needs Linux 4.11 or later',
  });
}

/** What /sys/kernel/vmcoreinfo says: physical address and size of the note. */
export interface VmcoreinfoPlace {
  readonly paddr: number;
  readonly size: number;
}

/** The same dump with the VMCOREINFO note read from memory: for kernels whose /proc/kcore has none. E_NO_INFO when it is not there. */
export function withVmcoreinfoAt(dump: Dump, place: VmcoreinfoPlace): Dump {
  const bytes = new Uint8Array(Math.min(place.size, 1 << 16));
  const got = dump.memory.read(asPaddr(place.paddr), bytes);
  const note = parseNotes(bytes.subarray(0, got), dump.littleEndian, dump.source.name, place.paddr).find(
    ({ name }) => name === noteNames.vmcoreinfo,
  );
  if (note === undefined) {
    throw new VmcoreError('E_NO_INFO', 'no VMCOREINFO note where /sys/kernel/vmcoreinfo says', {
      file: dump.source.name,
    });
  }
  return { ...dump, notes: [...dump.notes, note], vmcoreinfo: latin1(note.data).replace(/\0+$/, '') };
}
