/** The kdump-compressed format, opened. Layout: kdump-header.ts; pages: kdump-memory.ts; writing: kdump-writer.ts. */
import { type ByteSource, readExact } from '../base/byte-source.ts';
import { latin1 } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPfn } from '../base/units.ts';
import { codecFlags, codecNames } from '../codecs/page-codec.ts';
import type { Arch, Dump, DumpFormat, OpenOptions } from './dump.ts';
import { type Note, parseNotes } from './elf.ts';
import {
  type FileRegion,
  type KdumpHeader,
  kdumpSignature,
  kdumpStatus,
  readKdumpHeader,
} from './kdump-header.ts';
import { KdumpMemory } from './kdump-memory.ts';
import { maxNoteBytes, textWithoutPadding, vmcoreinfoText } from './notes.ts';

export const kdump: DumpFormat = {
  name: 'kdump',
  probe: (head) => latin1(head.subarray(0, kdumpSignature.length)) === kdumpSignature,
  open(source, options) {
    const header = readKdumpHeader(source);
    const arch = archOf(header, source);
    const notes = readNotes(header, source);
    const vmcoreinfo = vmcoreinfoText(notes) ?? readVmcoreinfo(header, source);
    const memory = openPages(header, source, options);
    const incomplete = (header.status & kdumpStatus.incomplete) !== 0;
    if (!incomplete && options.cutShort === 'refuse') checkComplete(memory, source);
    const compression = codecNames.find((name) => (header.status & codecFlags[name]) !== 0) ?? 'none';
    return {
      format: 'kdump',
      arch,
      source,
      littleEndian: header.littleEndian,
      memory,
      notes,
      vmcoreinfo,
      segments: [],
      describe: () => ({
        format: 'kdump',
        detail: `kdump-compressed, version ${header.version}`,
        arch,
        pageSize: header.blockSize,
        dumpLevel: header.dumpLevel,
        incomplete,
        compression,
        // Counted only when asked for: it looks at every descriptor.
        get zeroPages() {
          return memory.countZeroPages();
        },
      }),
    } satisfies Dump;
  },
};

function archOf(header: KdumpHeader, source: ByteSource): Arch {
  const { machine } = header.utsname;
  if (machine === 'x86_64') return 'x86_64';
  if (machine === 'aarch64') return 'arm64';
  throw new VmcoreError('E_UNSUPPORTED', `a dump of a "${machine.slice(0, 20)}" machine`, {
    file: source.name,
    hint: 'x86_64 and aarch64 dumps are read',
  });
}

function readNotes(header: KdumpHeader, source: ByteSource): Note[] {
  const bytes = readRegion(source, header.notes, 'the notes');
  return parseNotes(bytes, header.littleEndian, source.name, header.notes.offset);
}

function readVmcoreinfo(header: KdumpHeader, source: ByteSource): string | undefined {
  const bytes = readRegion(source, header.vmcoreinfo, 'vmcoreinfo');
  return bytes.length === 0 ? undefined : textWithoutPadding(bytes);
}

function readRegion(source: ByteSource, { offset, size }: FileRegion, what: string): Uint8Array {
  if (size > maxNoteBytes) {
    throw new VmcoreError('E_CORRUPT', `${what} of ${size} bytes`, { file: source.name, offset });
  }
  return size === 0 ? new Uint8Array() : readExact(source, offset, size, what);
}

function openPages(header: KdumpHeader, source: ByteSource, options: OpenOptions): KdumpMemory {
  const bitmapBytes = (header.bitmapBlocks / 2) * header.blockSize;
  const bitmapsAt = (1 + header.subHeaderBlocks) * header.blockSize;
  const bitmap = (n: 0 | 1): PfnBitmap => {
    const used = Math.ceil(header.maxMapnr / 8);
    const bytes = readExact(source, bitmapsAt + n * bitmapBytes, used, `bitmap ${n + 1}`);
    // Bits beyond the last page frame would count as pages.
    if (header.maxMapnr % 8 !== 0) bytes[used - 1] = bytes[used - 1]! & ((1 << (header.maxMapnr % 8)) - 1);
    return new PfnBitmap(asPfn(0), asPfn(header.maxMapnr), bytes);
  };
  return new KdumpMemory({
    source,
    pageSize: header.blockSize,
    littleEndian: header.littleEndian,
    descriptorsAt: bitmapsAt + 2 * bitmapBytes,
    ram: bitmap(0),
    dumped: bitmap(1),
    codecs: options.codecs,
  });
}

/** How many of the last descriptors are looked at to find where the file must end. */
const lastDescriptors = 4096;

/**
 * The format records no length. Pages are written in pfn order, so the last descriptors reach furthest; all zero pages share
 * one early page, hence more than one is looked at.
 */
function checkComplete(memory: KdumpMemory, source: ByteSource): void {
  let end = 0;
  for (let n = memory.pageCount - 1; n >= Math.max(0, memory.pageCount - lastDescriptors); n--) {
    const descriptor = memory.descriptor(n);
    if (descriptor === undefined) {
      end = memory.descriptorsEnd;
      break;
    }
    end = Math.max(end, descriptor.offset + descriptor.size);
  }
  if (end > source.size) {
    throw new VmcoreError('E_TRUNCATED', `the pages reach to byte ${end}, the file has ${source.size}`, {
      file: source.name,
      offset: source.size,
      hint: 'copy the dump again, or read what is there with --cut-short',
    });
  }
}
