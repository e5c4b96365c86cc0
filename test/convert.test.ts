/**
 * The RAM of a crashed machine, and what its capture kernel showed as /proc/vmcore and saved: `vmcore convert` makes the one of the other.
 *
 * x86_64: the crash of all tests, whose elfcorehdr the kernel made (kexec_file_load). arm64: a machine of its own, whose elfcorehdr is ours
 * (kexec_load). The old kernel's memory does not change once it has panicked, so not one page may differ.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { labPlan } from '../lab/guests/plan.ts';
import { silentProgress } from '../src/base/progress.ts';
import { banksOf, type MachineType } from '../src/formats/ram-image.ts';
import { cacheDir } from '../src/sys/cache-dir.ts';
import { dumpNames } from '../src/tools/kdumpctl/save/names.ts';
import { rehearse } from '../src/tools/rehearse/rehearse.ts';
import { memoryImageName } from '../src/tools/rehearse/take-dump.ts';
import { vmcore } from './command.ts';
import { memoryImage, open, rawDump } from './rehearsal.ts';
import { differenceOf } from './support/same-files.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(cacheDir('tests'), 'convert-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Converted {
  readonly elfcorehdr: string;
  readonly bytes: number;
}

/** Converts and tells what the command found. */
function convert(...args: readonly string[]): Converted {
  const { status, stdout, stderr } = vmcore('convert', '--json', ...args);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout.toString('utf8')) as Converted;
}

describe('the RAM of a crashed x86_64 machine', () => {
  it('becomes the very file that its capture kernel showed', () => {
    const path = join(folder, 'x86_64.elf');
    const { bytes } = convert(memoryImage(), path);
    assert.equal(bytes, statSync(rawDump()).size);
    assert.equal(differenceOf(path, rawDump()), undefined);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    rmSync(path);
  });

  it('does so by the address and the layout that one gives it', () => {
    const found = convert(memoryImage(), join(folder, 'found.kdump'), '--to', 'kdump');
    const told = join(folder, 'told.elf');
    convert(memoryImage(), told, '--elfcorehdr', found.elfcorehdr, '--memory-layout', '0+1G');
    assert.equal(differenceOf(told, rawDump()), undefined);
    // Were there a difference, it would be seen.
    const fd = openSync(told, 'r+');
    const at = 300 * 2 ** 20 + 4095;
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, at);
    writeSync(fd, Buffer.of(byte[0]! ^ 1), 0, 1, at);
    closeSync(fd);
    assert.deepEqual(differenceOf(told, rawDump())?.pages, [300 * 2 ** 20]);
    rmSync(told);
  });

  it('becomes a kdump-compressed dump with every page', () => {
    const path = join(folder, 'found.kdump');
    const dump = open(path);
    const { ram, present } = dump.memory.countPages();
    assert.equal(present, ram);
    assert.equal(ram, open(rawDump()).memory.countPages().ram);
    const log = (file: string): string => vmcore('dmesg', file).stdout.toString('latin1');
    assert.equal(log(path), log(rawDump()));
    dump.source.close();
    rmSync(path);
  });

  it('is refused, in one line, when the address or the layout is wrong, or the image was cut', () => {
    const cut = join(folder, 'cut.img');
    copyFileSync(memoryImage(), cut);
    // Above every place that the crash kernel can have, and below the end of RAM.
    truncateSync(cut, 2 ** 30 - 2 ** 18);
    const out = join(folder, 'refused');
    const cases: [string[], number, RegExp][] = [
      [
        [memoryImage(), out, '--elfcorehdr', '0x100000'],
        5,
        /no ELF core header at address 0x100000.*\[E_NOT_A_DUMP\]/,
      ],
      [
        [memoryImage(), out, '--elfcorehdr', '8G'],
        1,
        /0x200000000 is not in the image, which has 0x0-0x40000000.*\[E_UNREADABLE\]/,
      ],
      [
        [memoryImage(), out, '--memory-layout', 'virt'],
        5,
        /no ELF core header in the image.*\[E_NOT_A_DUMP\]/,
      ],
      [[memoryImage(), out, '--memory-layout', '0+2G'], 5, /the image has 1073741824.*\[E_TRUNCATED\]/],
      [[memoryImage(), out, '--memory-layout', 'apple'], 2, /neither a machine nor a list.*\[E_USAGE\]/],
      [[memoryImage(), out, '--elfcorehdr', 'here'], 2, /not a physical address.*\[E_USAGE\]/],
      [[rawDump(), out], 5, /no ELF core header in the image.*\[E_NOT_A_DUMP\]/],
      [[cut, out], 5, /memory at 0x[0-9a-f]+ is not in the image.*\[E_TRUNCATED\]/],
      [[memoryImage(), memoryImage()], 1, /already exists.*\[E_EXISTS\]/],
    ];
    for (const [args, status, line] of cases) {
      const result = vmcore('convert', ...args);
      assert.equal(result.status, status, `${args.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr.trim().split('\n').at(-1)!, line);
    }
    rmSync(cut);
  });
});

describe('the layout of RAM', () => {
  const qemu = { pc: 'qemu-system-x86_64', q35: 'qemu-system-x86_64', virt: 'qemu-system-aarch64' } as const;
  /** START-LAST of every piece of RAM, and @OFFSET where it is not at the beginning of the image. */
  const pieces =
    /^ *([0-9a-f]{16})-([0-9a-f]{16}) \(prio 0, ram\): (?:pc|mach-virt)\.ram(?: @([0-9a-f]{16}))?/gm;

  /** What QEMU says of a machine that is not running: where each of its pieces of RAM begins and ends, and where that is in the image. */
  function askQemu(
    machine: MachineType,
    mebibytes: number,
  ): { start: number; end: number; offset: number }[] {
    const { stdout } = spawnSync(
      qemu[machine],
      [
        '-M',
        machine,
        '-m',
        `${mebibytes}M`,
        '-S',
        '-display',
        'none',
        '-serial',
        'none',
        '-monitor',
        'stdio',
      ],
      { input: 'info mtree -f\nquit\n', encoding: 'utf8', timeout: 60_000 },
    );
    return Array.from(stdout.matchAll(pieces), ([, first, last, offset = '0']) => ({
      start: Number.parseInt(first!, 16),
      end: Number.parseInt(last!, 16) + 1,
      offset: Number.parseInt(offset, 16),
    }));
  }

  it("of QEMU's machines is QEMU's own, on both sides of the sizes where it changes", () => {
    const sizes: [MachineType, number[]][] = [
      ['pc', [1024, 3583, 3584, 4096]],
      ['q35', [2815, 2816, 4096]],
      ['virt', [3000]],
    ];
    for (const [machine, list] of sizes) {
      for (const mebibytes of list) {
        const banks = banksOf(machine, mebibytes * 2 ** 20);
        const theirs = askQemu(machine, mebibytes);
        for (const { start, offset } of theirs) {
          const bank = banks.find(({ paddr, size }) => paddr <= start && start < paddr + size);
          assert.equal(bank && bank.offset + (start - bank.paddr), offset, `${machine} ${mebibytes}`);
        }
        const ends = new Set(theirs.map(({ end }) => end));
        for (const { paddr, size } of banks) assert.ok(ends.has(paddr + size), `${machine} ${mebibytes}`);
      }
    }
  });
});

describe('the RAM of a crashed arm64 machine', () => {
  const kept = () => join(folder, 'arm64');
  before(async () => {
    const keep = { folder: kept(), raw: true, memory: true };
    const plan = await labPlan('6.12-arm64', { load: 'load', memory: 640 * 2 ** 20, keep });
    await rehearse(plan, silentProgress, new AbortController().signal);
  });

  it('becomes the very file that its capture kernel showed', () => {
    const path = join(folder, 'arm64.elf');
    convert(join(kept(), memoryImageName), path);
    assert.equal(differenceOf(path, join(kept(), dumpNames.raw)), undefined);
    rmSync(path);
  });
});
