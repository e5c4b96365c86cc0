/**
 * vmcoreinfo of a dump that has no VMCOREINFO note (QEMU's dump-guest-memory without its vmcoreinfo device, memory files of virtual machines): the kernel keeps
 * the whole note in its memory, ready for a crash.
 *
 * Source of truth: update_vmcoreinfo_note(), crash_save_vmcoreinfo() of kernel/crash_core.c (Linux 4.18, 6.1), kernel/vmcore_info.c (6.12): an ELF note with
 * name "VMCOREINFO" and type 0; its text begins with OSRELEASE=, and CRASHTIME= is added when the kernel crashes. Memory also holds notes of other kernels (a
 * dump in the page cache): the right one translates its own init_uts_ns to the release that it tells.
 */
import { alignUp, cString, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asPaddr } from '../base/units.ts';
import type { Dump } from '../formats/dump.ts';
import { Kernel } from './kernel.ts';
import { memoryPieces, placesOf } from './memory-search.ts';
import { readUtsname } from './utsname.ts';

/** namesz 11, as the note begins; descsz is between the two. */
const noteName = Uint8Array.from('VMCOREINFO\0', (char) => char.charCodeAt(0));
const headerSize = 12;
const nameSize = alignUp(noteName.length, 4);
/** VMCOREINFO_BYTES is one page; of 64 KiB at most. */
const maxText = 65536;

/** The dump with the vmcoreinfo that is in its memory; undefined when there is none that fits. Reads all of it, up to the note of the crash. */
export function withFoundVmcoreinfo(dump: Dump): Dump | undefined {
  let quiet: Dump | undefined;
  for (const text of vmcoreinfoTexts(dump)) {
    const candidate: Dump = { ...dump, vmcoreinfo: text };
    if (!tellsOf(candidate)) continue;
    if (/^CRASHTIME=/m.test(text)) return candidate;
    // A machine that was stopped from outside never crashed.
    quiet ??= candidate;
  }
  return quiet;
}

function* vmcoreinfoTexts(dump: Dump): Generator<string> {
  const { memory } = dump;
  const end = memory.endPfn * memory.pageSize;
  for (const piece of memoryPieces(dump, 0, end, headerSize + nameSize)) {
    for (const at of placesOf(piece.bytes, noteName)) {
      const text = at < headerSize ? undefined : textOfNote(dump, piece.start + at - headerSize);
      if (text !== undefined) yield text;
    }
  }
}

function textOfNote({ memory, littleEndian }: Dump, paddr: number): string | undefined {
  const read = (at: number, length: number): Uint8Array | undefined => {
    const bytes = new Uint8Array(length);
    return memory.read(asPaddr(at), bytes) === length ? bytes : undefined;
  };
  const header = read(paddr, headerSize);
  if (header === undefined) return undefined;
  const view = viewOf(header);
  const size = view.getUint32(4, littleEndian);
  if (view.getUint32(0, littleEndian) !== noteName.length || view.getUint32(8, littleEndian) !== 0)
    return undefined;
  const text = size > maxText ? undefined : read(paddr + headerSize + nameSize, size);
  return text !== undefined && cString(text).startsWith('OSRELEASE=') ? cString(text) : undefined;
}

/** Is it the vmcoreinfo of the kernel whose memory this is? */
function tellsOf(dump: Dump): boolean {
  try {
    const kernel = new Kernel(dump);
    return readUtsname(kernel).release === kernel.info.text('OSRELEASE');
  } catch (error) {
    if (error instanceof VmcoreError) return false;
    throw error;
  }
}
