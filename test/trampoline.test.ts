/**
 * The entry trampoline's real machine code, in QEMU, in the state that kexec leaves a CPU in: it enters the new kernel as the boot
 * protocols want it, and does not enter one of which a bit has changed. No Linux: see bare-machine/.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { codeSource, committedCode } from '../lab/trampoline.ts';
import type { KexecArch, Segment } from '../src/tools/kexec/segment.ts';
import { arm64Listing } from '../src/tools/kexec/trampoline/code-arm64.ts';
import { x86Listing } from '../src/tools/kexec/trampoline/code-x86_64.ts';
import {
  type SerialConsole,
  type TrampolineOptions,
  trampoline,
} from '../src/tools/kexec/trampoline/trampoline.ts';
import { type BareMachine, newKernel, type Outcome, runBare } from './bare-machine/machine.ts';
import { qemuArm64, qemuX86, qemuX86WithSha } from './bare-machine/qemu.ts';

for (const arch of ['x86_64', 'arm64'] as const) {
  test(`the committed code is what ${arch}.S assembles to`, async () => {
    assert.equal(committedCode(arch), await codeSource(arch));
  });
}

/** A machine, what the trampoline is told about it, and where things are. */
interface Case {
  readonly machine: BareMachine;
  readonly shaInstructions: boolean;
}

const loadAddress: Record<KexecArch, number> = { x86_64: 0x400000, arm64: 0x4080_0000 };
const serialPort: Record<KexecArch, SerialConsole> = {
  x86_64: { kind: 'port', port: 0x3f8 },
  arm64: { kind: 'pl011', address: 0x900_0000 },
};
/** RAM that nobody uses, in place of an 8250's registers: the last byte sent is then found there. */
const fakeConsole: Record<KexecArch, number> = { x86_64: 0x800_0000, arm64: 0x4800_0000 };
const lineStatus = 5;

/** Kernel, initrd and the kernel's argument, each with zeros behind its data, in no order and with gaps. */
async function segmentsFor(arch: KexecArch): Promise<Segment[]> {
  const base = loadAddress[arch];
  const bytes = (length: number): number[] => Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  const data = Uint8Array.from([...(await newKernel(arch)), ...bytes(9000)]);
  return [
    { name: 'kernel', data, address: base + 0x40000, size: 0x10000 },
    { name: 'initrd', data: Uint8Array.from(bytes(40_001)), address: base, size: 0xb000 },
    { name: 'argument', data: Uint8Array.from(bytes(8)), address: base + 0x20000, size: 0x1000 },
  ];
}

interface RunOptions {
  /** Changes what is in memory; what is verified stays what it was. */
  readonly damage?: (segments: readonly Segment[]) => Segment[];
  readonly tell?: Partial<TrampolineOptions>;
  readonly silent?: boolean;
  readonly examine?: readonly number[];
}

interface Run {
  readonly outcome: Outcome;
  /** The trampoline as it was made. */
  readonly loaded: Segment;
}

/** Behind `stop: cli; hlt` and `stop: wfi`. */
function asleepIn(arch: KexecArch, { address }: Segment): number {
  const [, stop = ''] = /^([0-9a-f]{4}) +stop:$/m.exec(arch === 'x86_64' ? x86Listing : arm64Listing) ?? [];
  return address + Number.parseInt(stop, 16) + (arch === 'x86_64' ? 2 : 4);
}

async function run({ machine, shaInstructions }: Case, options: RunOptions = {}): Promise<Run> {
  const { arch } = machine;
  const segments = await segmentsFor(arch);
  const base = loadAddress[arch];
  const { segment, entry } = trampoline({
    arch,
    pageSize: 4096,
    address: base + 0x60000,
    kernelEntry: base + 0x40000,
    argument: base + 0x20000,
    ...(options.silent ? {} : { console: serialPort[arch] }),
    checked: segments,
    shaInstructions,
    ...options.tell,
  });
  const inMemory = (options.damage ?? ((all) => [...all]))([...segments, segment]);
  const outcome = await runBare(
    machine,
    { arch, entry, segments: inMemory },
    { asleepAt: asleepIn(arch, segment), ...(options.examine && { examine: options.examine }) },
  );
  return { outcome, loaded: segment };
}

type Place = 'first byte' | 'last byte' | 'last zero' | number;

/** Flips the lowest bit of one byte of the segment's memory. */
const flip =
  (name: string, place: Place) =>
  (segments: readonly Segment[]): Segment[] =>
    segments.map((segment) => {
      if (segment.name !== name) return segment;
      const data = new Uint8Array(segment.size);
      data.set(segment.data);
      data[offsetOf(place, segment)]! ^= 1;
      return { ...segment, data };
    });

function offsetOf(place: Place, { data, size }: Segment): number {
  if (place === 'first byte') return 0;
  if (place === 'last byte') return data.length - 1;
  return place === 'last zero' ? size - 1 : place;
}

function assertRefused({ outcome }: Run, what: string | undefined): void {
  const message =
    what === undefined ? '' : `vmcore: ${what} of the loaded kernel is damaged (sha256): not booted\r\n`;
  assert.equal(outcome.end, 'stopped');
  assert.equal(outcome.serial, message);
}

/** What the new kernel found, as bigints. */
function found({ outcome }: Run): bigint[] {
  assert.equal(outcome.end, 'booted', outcome.serial);
  return outcome.serial
    .trim()
    .split(' ')
    .map((value) => BigInt(`0x${value}`));
}

/** The bytes at the argument, little-endian: bytes(8) above. */
const atArgument = 0x312a_231c_150e_0700n;

function assertX86Protocol(run: Run): void {
  const [rsi, others, cs, ds, es, ss, flags, cr0, cr4, bytes] = found(run);
  assert.equal(rsi, BigInt(loadAddress.x86_64 + 0x20000));
  assert.equal(others, 0n);
  assert.deepEqual([cs, ds, es, ss], [0x10n, 0x18n, 0x18n, 0x18n]);
  assert.equal(flags! & 0x600n, 0n, 'interrupts off, direction forward');
  assert.equal(cr0, 0x8000_0033n);
  assert.equal(cr4! & ~0x1000n, 0x20n, 'as at entry');
  assert.equal(bytes, atArgument);
}

describe('x86_64', { concurrency: 2 }, () => {
  const plain: Case = { machine: { arch: 'x86_64', qemu: qemuX86(), cpu: 'qemu64' }, shaInstructions: false };
  let sha: Case;
  before(async () => {
    sha = { machine: { arch: 'x86_64', qemu: await qemuX86WithSha(), cpu: 'max' }, shaInstructions: true };
  });

  test('enters the kernel', async () => assertX86Protocol(await run(plain)));
  test('enters it with the SHA instructions', async () => assertX86Protocol(await run(sha)));

  for (const name of ['kernel', 'initrd', 'argument']) {
    for (const place of ['first byte', 'last byte', 'last zero'] as const) {
      test(`refuses ${name} for its ${place}`, async () => {
        assertRefused(await run(plain, { damage: flip(name, place) }), `segment ${name}`);
      });
    }
  }
  test('refuses with the SHA instructions', async () => {
    assertRefused(await run(sha, { damage: flip('initrd', 'last byte') }), 'segment initrd');
    assertRefused(await run(sha, { damage: flip('kernel', 'last zero') }), 'segment kernel');
  });
  test('refuses when it is damaged itself', async () => {
    const { loaded } = await run(plain);
    const header = loaded.data.length - 64;
    assertRefused(await run(plain, { damage: flip('trampoline', header) }), 'the entry trampoline');
  });
  test('stops in silence without a console', async () => {
    assertRefused(await run(plain, { damage: flip('initrd', 'first byte'), silent: true }), undefined);
  });
  test('checks nothing when nothing is to be checked', async () => {
    assertX86Protocol(await run(plain, { damage: flip('initrd', 'first byte'), tell: { checked: [] } }));
  });
  test('moves memory when all is well', async () => {
    const start = loadAddress.x86_64 + 16;
    const moved = { start, end: start + 4096, to: loadAddress.x86_64 + 0x20000 };
    assert.equal(found(await run(plain, { tell: { moved } })).at(-1), 0xa19a_938c_857e_7770n);
  });

  for (const { regShift, name, levels } of [
    { regShift: 0, name: 'bytes', levels: 4 },
    { regShift: 2, name: 'words', levels: 4 },
    { regShift: 2, name: 'words, 5 levels of page tables', levels: 5 },
  ] as const) {
    test(`prints to an 8250 in memory that is not mapped (${name})`, async () => {
      const address = fakeConsole.x86_64;
      const on: Case = {
        ...(levels === 5 ? sha : plain),
        machine: { ...(levels === 5 ? sha : plain).machine, fiveLevels: levels === 5, unmapped: address },
      };
      const refused = await run(on, {
        damage: flip('initrd', 'first byte'),
        tell: { console: { kind: 'mmio8250', address, regShift } },
        examine: [address, address + (lineStatus << regShift)],
      });
      assertRefused(refused, undefined);
      assert.deepEqual(refused.outcome.end === 'stopped' && refused.outcome.bytes, [0x0a, 0]);
    });
  }
});

describe('arm64', { concurrency: 2 }, () => {
  const on = (level: BareMachine['level'] & string, shaInstructions: boolean, cpu = 'max'): Case => ({
    machine: { arch: 'arm64', qemu: qemuArm64(), cpu, level },
    shaInstructions,
  });

  for (const [level, number, refused] of [
    ['EL1', 1, 0n],
    ['EL2', 2, 0x37ffn],
    ['EL2 with VHE', 2, 0n],
  ] as const) {
    for (const shaInstructions of [true, false]) {
      test(`enters the kernel at ${level} ${shaInstructions ? 'with' : 'without'} the SHA instructions`, async () => {
        const [x0, others, currentLevel, sctlr, simd, daif, bytes] = found(
          await run(on(level, shaInstructions)),
        );
        assert.equal(x0, BigInt(loadAddress.arm64 + 0x20000));
        assert.equal(others, 0n);
        assert.equal(currentLevel, BigInt(number << 2));
        assert.equal(sctlr! & 0x1005n, 0n, 'MMU and caches off');
        assert.equal(simd, refused, 'SIMD refused as at entry');
        assert.equal(daif, 0x3c0n);
        assert.equal(bytes, atArgument);
      });
    }
  }
  test('enters it on a CPU of 2016', async () => {
    assert.equal(found(await run(on('EL1', true, 'cortex-a72')))[0], BigInt(loadAddress.arm64 + 0x20000));
  });

  for (const name of ['kernel', 'initrd', 'argument']) {
    for (const place of ['first byte', 'last byte', 'last zero'] as const) {
      test(`refuses ${name} for its ${place}`, async () => {
        assertRefused(await run(on('EL1', true), { damage: flip(name, place) }), `segment ${name}`);
      });
    }
  }
  test('refuses without the SHA instructions, at EL2', async () => {
    assertRefused(await run(on('EL2', false), { damage: flip('initrd', 'last byte') }), 'segment initrd');
    assertRefused(
      await run(on('EL2 with VHE', false), { damage: flip('kernel', 'last zero') }),
      'segment kernel',
    );
  });
  test('refuses when it is damaged itself', async () => {
    const { loaded } = await run(on('EL1', true));
    const refused = await run(on('EL1', true), { damage: flip('trampoline', loaded.data.length - 200) });
    assertRefused(refused, 'the entry trampoline');
  });
  test('stops in silence without a console', async () => {
    assertRefused(
      await run(on('EL1', true), { damage: flip('initrd', 'first byte'), silent: true }),
      undefined,
    );
  });
  for (const regShift of [0, 2] as const) {
    test(`prints to an 8250 in memory, shift ${regShift}`, async () => {
      const address = fakeConsole.arm64;
      const refused = await run(on('EL1', true), {
        damage: flip('initrd', 'first byte'),
        tell: { console: { kind: 'mmio8250', address, regShift } },
        examine: [address, address + (lineStatus << regShift)],
      });
      assertRefused(refused, undefined);
      assert.deepEqual(refused.outcome.end === 'stopped' && refused.outcome.bytes, [0x0a, 0]);
    });
  }
});
