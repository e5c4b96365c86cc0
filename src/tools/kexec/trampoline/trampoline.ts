/**
 * The entry trampoline (what kexec-tools calls purgatory): where the old kernel jumps. It verifies the SHA-256 of every segment and
 * enters the kernel, or, when one differs, says so on the serial console and stops for ever: a damaged kernel is never booted.
 *
 * The machine code is x86_64.S and arm64.S; here it gets its parameters and becomes a segment. What it relies on at entry and what it
 * leaves to the kernel is at the head of the sources. Only its own first instructions are unverified: the code checks itself, too.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { nodeCrypto } from '../../../sys/late-modules.ts';
import type { MovedRange } from '../elfcorehdr.ts';
import type { KexecArch, Segment } from '../segment.ts';
import { arm64Listing } from './code-arm64.ts';
import { x86Listing } from './code-x86_64.ts';
import { codeOf } from './listing.ts';
import {
  checkLayout,
  consoleKinds,
  lastBlock,
  parametersLayout,
  sizeofCheck,
  sizeofParameters,
} from './parameters.ts';

/** Where the message goes. Already set up (speed, clock) by firmware or the old kernel; nothing is initialised. */
export type SerialConsole =
  /** 8250 at an I/O port; x86_64. */
  | { readonly kind: 'port'; readonly port: number }
  /** 8250 in memory: with a shift of 0 its registers are bytes, with 2 they are 32-bit words (mmio and mmio32 of earlycon=). */
  | { readonly kind: 'mmio8250'; readonly address: number; readonly regShift: 0 | 2 }
  /** arm64. */
  | { readonly kind: 'pl011'; readonly address: number };

/** What decides the size. */
export interface TrampolineContents {
  readonly arch: KexecArch;
  /** Of the running kernel, in bytes. */
  readonly pageSize: number;
  /**
   * The segments that are verified, all bytes of `data` and the zeros after it: those that nobody writes to once loaded. None: no check.
   * Their sizes and addresses are multiples of 64.
   */
  readonly checked: readonly Segment[];
}

export interface TrampolineOptions extends TrampolineContents {
  /** Physical address that the segment is for; a multiple of `pageSize`. */
  readonly address: number;
  /** Physical address of the kernel's first instruction: of the 64-bit entry for a bzImage. */
  readonly kernelEntry: number;
  /** Physical: boot_params (x86_64) or the device tree (arm64). */
  readonly argument: number;
  /**
   * x86_64: memory that is copied once all is verified, before the kernel runs. Kernels before 5.5 use low memory themselves
   * (7c321eb2b843, "x86/kdump: Remove the backup region handling") and the capture kernel needs it too. Multiples of 8.
   */
  readonly moved?: MovedRange;
  /** Without one it stops in silence. */
  readonly console?: SerialConsole;
  /** Of the machine that it runs on: see hasShaInstructions(). Right or wrong is life and death: without them the code traps. */
  readonly shaInstructions: boolean;
}

export interface Trampoline {
  readonly segment: Segment;
  /** Physical address of its first instruction. */
  readonly entry: number;
}

/** Bytes of memory that the segment takes, a multiple of the page size. */
export const trampolineSize = (contents: TrampolineContents): number => layOut(contents).size;

/** E_UNSUPPORTED for a console that the machine cannot have. */
export function trampoline(options: TrampolineOptions): Trampoline {
  const { arch, address, checked } = options;
  checkPlaces(options);
  const { code, messages, checksAt, dataEnd, sparePages, size } = layOut(options);
  const data = new Uint8Array(dataEnd);
  const view = new DataView(data.buffer);
  data.set(code);

  const header = code.length;
  const setU64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  const setU32 = (at: number, value: number): void => view.setUint32(at, value, true);
  setU64(header + parametersLayout.kernelEntry, options.kernelEntry);
  setU64(header + parametersLayout.argument, options.argument);
  const serial = consoleParameters(arch, options.console);
  setU64(header + parametersLayout.consoleAddress, serial.address);
  setU32(header + parametersLayout.consoleKind, serial.kind);
  setU32(header + parametersLayout.consoleShift, serial.shift);
  setU32(header + parametersLayout.checkCount, messages.length);
  setU32(header + parametersLayout.checksEnd, dataEnd - header);
  setU32(header + parametersLayout.stackTop, size - header);
  setU32(header + parametersLayout.sparePages, sparePages - header);
  setU32(header + parametersLayout.shaInstructions, options.shaInstructions ? 1 : 0);
  const { moved } = options;
  if (moved !== undefined) {
    setU32(header + parametersLayout.movedWords, (moved.end - moved.start) / 8);
    setU64(header + parametersLayout.movedFrom, moved.start);
    setU64(header + parametersLayout.movedTo, moved.to);
  }

  let messageAt = header + sizeofParameters;
  const messagePlaces = messages.map((message) => {
    const at = messageAt;
    data.set(message, at);
    messageAt += message.length;
    return { message: at - header, messageLength: message.length };
  });

  const setCheck = (index: number, place: number, length: number, sha256: Buffer): void => {
    const at = checksAt + index * sizeofCheck;
    const { message, messageLength } = messagePlaces[index]!;
    setU64(at + checkLayout.address, place);
    setU64(at + checkLayout.blocks, length / blockSize);
    setU32(at + checkLayout.message, message);
    setU32(at + checkLayout.messageLength, messageLength);
    digestOrder[arch].forEach((word, position) => {
      setU32(at + checkLayout.digest + position * 4, sha256.readUInt32BE(word * 4));
    });
    data.set(lastBlock(length / blockSize), at + checkLayout.lastBlock);
  };
  checked.forEach((segment, index) => {
    setCheck(index, segment.address, segment.size, digestOf(segment));
  });
  if (checked.length > 0) {
    const own = data.subarray(0, dataEnd - sizeofCheck);
    setCheck(checked.length, address, own.length, nodeCrypto().createHash('sha256').update(own).digest());
  }
  return { segment: { name: 'trampoline', data, address, size }, entry: address };
}

/** What a plan never has: the code would trap, or verify something else. */
function checkPlaces({ arch, address, pageSize, checked, moved }: TrampolineOptions): void {
  if (address % pageSize !== 0) throw new Error(`a trampoline at ${address}`);
  if (arch !== 'x86_64' && moved !== undefined) throw new Error(`no memory is moved on ${arch}`);
  for (const segment of checked) {
    if (segment.address % blockSize !== 0 || segment.size % blockSize !== 0 || segment.size === 0) {
      throw new Error(`segment ${segment.name} is not in blocks of ${blockSize} bytes`);
    }
  }
}

const blockSize = 64;
const x86StackSize = 4096;
/** A table of each level below the top of a 5-level page table, the lowest excepted: pages of 4096 bytes on x86_64. */
const x86SparePages = 3 * 4096;

interface Layout {
  readonly code: Uint8Array;
  /** In the order of the checks: of the segments, then of the trampoline itself; none without checks. */
  readonly messages: readonly Uint8Array[];
  /** These are offsets in the segment. */
  readonly checksAt: number;
  readonly dataEnd: number;
  readonly sparePages: number;
  readonly size: number;
}

function layOut({ arch, pageSize, checked }: TrampolineContents): Layout {
  const code = codeOf(arch === 'x86_64' ? x86Listing : arm64Listing);
  const names = checked.map(({ name }) => `segment ${name}`);
  const messages = names.length === 0 ? [] : [...names, 'the entry trampoline'].map(messageOf);
  const messageBytes = messages.reduce((sum, message) => sum + message.length, 0);
  const checksAt = roundUp(code.length + sizeofParameters + messageBytes, blockSize);
  const dataEnd = checksAt + messages.length * sizeofCheck;
  // Behind the data, in the zeros: arm64 writes nothing and needs none of it.
  const sparePages = roundUp(dataEnd, 4096);
  const used = arch === 'x86_64' ? sparePages + x86SparePages + x86StackSize : dataEnd;
  return { code, messages, checksAt, dataEnd, sparePages, size: roundUp(used, pageSize) };
}

/** One line for a serial console. */
const messageOf = (what: string): Uint8Array =>
  Buffer.from(
    `vmcore: ${what.replace(/[^ -~]/g, '?')} of the loaded kernel is damaged (sha256): not booted\r\n`,
    'latin1',
  );

/** At which place of struct check the words a to h (0 to 7) are. */
const digestOrder: Record<KexecArch, readonly number[]> = {
  x86_64: [5, 4, 1, 0, 7, 6, 3, 2],
  arm64: [0, 1, 2, 3, 4, 5, 6, 7],
};

const zeros = new Uint8Array(64 * 1024);

/** Of the memory that the segment becomes. */
function digestOf({ data, size }: Segment): Buffer {
  const hash = nodeCrypto().createHash('sha256').update(data);
  for (let left = size - data.length; left > 0; left -= zeros.length) {
    hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
  }
  return hash.digest();
}

interface ConsoleParameters {
  readonly kind: number;
  readonly address: number;
  readonly shift: number;
}

function consoleParameters(arch: KexecArch, serial: SerialConsole | undefined): ConsoleParameters {
  if (serial === undefined) return { kind: consoleKinds.none, address: 0, shift: 0 };
  if (serial.kind === 'mmio8250') {
    return { kind: consoleKinds.mmio8250, address: serial.address, shift: serial.regShift };
  }
  if (serial.kind === 'port' && arch === 'x86_64') {
    return { kind: consoleKinds.port, address: serial.port, shift: 0 };
  }
  if (serial.kind === 'pl011' && arch === 'arm64') {
    return { kind: consoleKinds.pl011, address: serial.address, shift: 0 };
  }
  throw new VmcoreError('E_UNSUPPORTED', `no serial console of the kind ${serial.kind} on ${arch}`, {
    hint: arch === 'arm64' ? 'name a PL011 or an 8250 in memory' : 'name an 8250 at a port or in memory',
  });
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
