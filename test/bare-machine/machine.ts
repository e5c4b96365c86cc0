/**
 * A machine without an operating system: QEMU with an image of memory that stands for an old kernel that just did kexec, the segments
 * it loaded, and a new kernel that tells what it found. Two short programs in assembly play the kernels.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble } from '../../lab/trampoline.ts';
import type { KexecArch, LoadPlan } from '../../src/tools/kexec/segment.ts';

export interface BareMachine {
  readonly arch: KexecArch;
  /** The QEMU program and the arguments before all others. */
  readonly qemu: readonly string[];
  readonly cpu: string;
  /** arm64: which exception level the old kernel is in. */
  readonly level?: 'EL1' | 'EL2' | 'EL2 with VHE';
  /** x86_64: paging with five levels. */
  readonly fiveLevels?: boolean;
  /** x86_64: an address whose 2 MiB the old kernel did not map. */
  readonly unmapped?: number;
}

export type Outcome =
  /** The new kernel ran; `serial` is what it said. */
  | { readonly end: 'booted'; readonly serial: string }
  /** The CPU sleeps with nothing to wake it; `bytes` are those at the addresses asked for. */
  | { readonly end: 'stopped'; readonly serial: string; readonly bytes: readonly number[] };

export interface BareRun {
  /** The address behind the instruction that puts the CPU to sleep. */
  readonly asleepAt: number;
  /** Physical addresses of bytes to look at then. */
  readonly examine?: readonly number[];
  readonly seconds?: number;
}

const harnessBase: Record<KexecArch, number> = { x86_64: 0x100000, arm64: 0x40200000 };

/** The program that plays the new kernel. */
export const newKernel = async (arch: KexecArch): Promise<Uint8Array> =>
  (await assemble(arch, join(import.meta.dirname, `${arch}-new-kernel.S`))).code;

/** Runs it to its end; throws when there is none within `seconds`. */
export async function runBare(
  machine: BareMachine,
  plan: LoadPlan,
  { asleepAt, examine = [], seconds = 20 }: BareRun,
): Promise<Outcome> {
  const work = mkdtempSync(join(tmpdir(), 'vmcore-bare-'));
  const serial = join(work, 'serial');
  const image = join(work, 'image');
  try {
    writeFileSync(serial, '');
    writeFileSync(image, await memoryImage(machine, plan));
    const [program = '', ...before] = machine.qemu;
    const child = spawn(program, [...before, ...qemuArguments(machine, image, serial)]);
    const monitor = new Monitor(child, seconds);
    try {
      const stopped = await monitor.untilAsleep(asleepAt);
      const text = (): string => readFileSync(serial, 'latin1');
      if (!stopped) return { end: 'booted', serial: text() };
      const bytes: number[] = [];
      for (const address of examine) bytes.push(await monitor.byteAt(address));
      return { end: 'stopped', serial: text(), bytes };
    } catch (cause) {
      throw new Error(`${String(cause)}; on the serial port: ${readFileSync(serial, 'latin1')}`, { cause });
    } finally {
      child.kill('SIGKILL');
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** The old kernel at the base of the machine, and behind it the segments where they belong. */
async function memoryImage(machine: BareMachine, plan: LoadPlan): Promise<Uint8Array> {
  const { arch } = machine;
  const base = harnessBase[arch];
  const old = (await assemble(arch, join(import.meta.dirname, `${arch}-old-kernel.S`))).code;
  // With the zeros behind the last one: QEMU puts what it tells a Multiboot kernel right behind the image.
  const end = Math.max(...plan.segments.map(({ address, size }) => address + size));
  const image = new Uint8Array(end - base);
  image.set(old);
  for (const { address, data } of plan.segments) image.set(data, address - base);
  const view = new DataView(image.buffer);
  if (arch === 'x86_64') {
    view.setUint32(32, plan.entry, true);
    view.setUint32(40, machine.fiveLevels ? 1 : 0, true);
    view.setUint32(44, (machine.unmapped ?? 0) >>> 21, true);
  } else {
    view.setUint32(8, plan.entry, true);
    view.setUint32(16, machine.level === 'EL2 with VHE' ? 1 : 0, true);
  }
  return image;
}

function qemuArguments(machine: BareMachine, image: string, serial: string): string[] {
  const common = [
    ...['-accel', 'tcg', '-m', '256', '-cpu', machine.cpu, '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-monitor', 'none', '-qmp', 'stdio', '-serial', `file:${serial}`],
  ];
  if (machine.arch === 'x86_64') {
    return [...common, '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', image];
  }
  const board =
    machine.level === 'EL2' || machine.level === 'EL2 with VHE' ? 'virt,virtualization=on' : 'virt';
  const loader = `loader,file=${image},addr=${harnessBase.arm64},force-raw=on,cpu-num=0`;
  return [...common, '-machine', board, '-semihosting-config', 'enable=on', '-device', loader];
}

/** QEMU's machine protocol (one JSON object a line), asked what only the monitor for people tells. */
class Monitor {
  private readonly child: ChildProcess;
  private readonly deadline: number;
  private said = '';
  private ended = false;

  constructor(child: ChildProcess, seconds: number) {
    this.child = child;
    this.deadline = performance.now() + seconds * 1000;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    // It ends when the new kernel says so, perhaps while it is asked something.
    child.stdin?.on('error', () => {});
    child.on('close', () => {
      this.ended = true;
    });
    child.stdin?.write('{"execute":"qmp_capabilities"}\n');
  }

  /** False when QEMU has ended. Only of x86_64 it tells that the CPU sleeps; where it is tells enough. */
  async untilAsleep(address: number): Promise<boolean> {
    while (!this.ended) {
      const answer = await this.ask('info registers');
      const pc = /\b(?:RIP|PC)=([0-9a-f]+)/.exec(answer)?.[1] ?? '';
      if (Number.parseInt(pc, 16) === address && !answer.includes('HLT=0')) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  async byteAt(address: number): Promise<number> {
    const answer = await this.ask(`xp /1xb ${address}`);
    return Number(/: (0x[0-9a-f]{2})/.exec(answer)?.[1]);
  }

  private async ask(question: string): Promise<string> {
    const id = `${performance.now()}`;
    const command = { execute: 'human-monitor-command', arguments: { 'command-line': question }, id };
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
    while (!this.ended) {
      // QEMU 7.2 says this and then, now and then, waits for ever when it is asked something while it ends.
      if (this.said.includes('"event": "SHUTDOWN"')) {
        this.ended = true;
        break;
      }
      const line = this.said.split('\n').find((text) => text.includes(`"id": "${id}"`));
      if (line !== undefined) {
        this.said = '';
        return String(JSON.parse(line).return);
      }
      if (performance.now() > this.deadline) throw new Error(`no end: ${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return '';
  }
}
