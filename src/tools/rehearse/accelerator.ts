/**
 * Does KVM work here? A /dev/kvm that is there may still abort at the first instruction, or run at a crawl when
 * virtualisation is nested, so a boot sector is really run: it writes one byte to QEMU's exit device.
 */
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../sys/programs.ts';

export interface Accelerator {
  readonly name: 'kvm' | 'tcg';
  /** QEMU's arguments for it. */
  readonly args: readonly string[];
}

const kvm: Accelerator = { name: 'kvm', args: ['-accel', 'kvm', '-cpu', 'host'] };
/**
 * The default CPU model, with what WebAssembly's vectors need (SSSE3 and SSE4.1; V8 refuses them without): every real machine
 * has that since 2008. A newer model only gives the emulator wider vectors to emulate.
 */
const tcg: Accelerator = {
  name: 'tcg',
  args: ['-accel', 'tcg,thread=multi', '-cpu', 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt'],
};

/** Working KVM needs less than one second for this. */
const probeMilliseconds = 3000;
const exitPort = 0xf4;
/** The exit device ends QEMU with (value << 1) | 1. */
const exitValue = 0x10;

/** mov dx, exitPort; mov al, exitValue; out dx, al; hlt; jmp back to hlt. */
const bootCode = [0xba, exitPort, 0x00, 0xb0, exitValue, 0xee, 0xf4, 0xeb, 0xfd];

export async function pickAccelerator(qemu: string): Promise<Accelerator> {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return tcg;
  }
  const work = mkdtempSync(join(tmpdir(), 'vmcore-kvm-'));
  try {
    const floppy = new Uint8Array(1_474_560);
    floppy.set(bootCode);
    floppy.set([0x55, 0xaa], 510);
    const image = join(work, 'boot.img');
    writeFileSync(image, floppy);
    const { status } = await runProgram(
      qemu,
      [
        ...kvm.args,
        ...[
          '-m',
          '16',
          '-display',
          'none',
          '-serial',
          'none',
          '-monitor',
          'none',
          '-net',
          'none',
          '-no-reboot',
        ],
        ...['-device', `isa-debug-exit,iobase=${exitPort},iosize=1`],
        ...['-drive', `file=${image},format=raw,if=floppy`],
      ],
      { timeout: probeMilliseconds },
    );
    return status === ((exitValue << 1) | 1) ? kvm : tcg;
  } catch {
    // Killed by a signal or by the time limit.
    return tcg;
  } finally {
    rmSync(work, { recursive: true });
  }
}
