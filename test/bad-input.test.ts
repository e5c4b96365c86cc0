/** What a user sees who gives us something broken: one line with a code, the documented exit status, and nothing left behind. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { vmcore } from './command.ts';
import { rawDump, savedDump } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-bad-'));
const file = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

/** Every command that opens a dump refuses `path` with `code`. */
function assertRefused(path: string, code: string, status: number, ...options: string[]): void {
  const output = file('output');
  const commands = [
    ['info', path],
    ['info', '--json', path],
    ['dmesg', path],
    ['makedumpfile', '-c', '-d', '31', path, output],
    ['makedumpfile', '-E', '-d', '31', path, output],
  ];
  for (const command of commands) {
    const { status: got, stdout, stderr } = vmcore(...command, ...options);
    const said = `${command.join(' ')}: ${stderr}`;
    assert.equal(got, status, said);
    assert.match(stderr, new RegExp(`^vmcore: .*\\[${code}\\]\\n$`), said);
    assert.equal(stderr.split('\n').length, 2, `one line: ${said}`);
    assert.equal(stdout.length, 0, said);
    assert.ok(!existsSync(output), `nothing is left behind: ${said}`);
  }
}

describe('a file that is no dump', () => {
  it('does not exist', () => assertRefused(file('nowhere'), 'E_FILE', 1));
  it('is a directory', () => assertRefused(folder, 'E_FILE', 1));
  it('is empty', () => {
    writeFileSync(file('empty'), '');
    assertRefused(file('empty'), 'E_NOT_A_DUMP', 5);
  });
  it('is a text', () => {
    writeFileSync(file('text'), 'Dear diary, today the server crashed again.\n'.repeat(1000));
    assertRefused(file('text'), 'E_NOT_A_DUMP', 5);
  });
  it('is a program', () => assertRefused('/bin/ls', 'E_NOT_A_DUMP', 5));
});

describe('a dump that was cut short', () => {
  for (const [name, original] of [
    ['kdump-compressed', savedDump],
    ['ELF', rawDump],
  ] as const) {
    it(`${name}, at ten random places`, () => {
      const path = file(`cut-${name}`);
      copyFileSync(original(), path);
      const { size } = statSync(path);
      // Descending, so that each cut is made in the file the last one left.
      const places = Array.from({ length: 10 }, () => 16 + Math.floor(Math.random() * (size - 17))).sort(
        (a, b) => b - a,
      );
      for (const place of places) {
        truncateSync(path, place);
        try {
          assertRefused(path, 'E_TRUNCATED', 5);
        } catch (error) {
          throw new Error(`cut at byte ${place} of ${size}`, { cause: error });
        }
      }
    });
  }

  it('still gives its log to those who ask for what is there', () => {
    const path = file('half');
    copyFileSync(savedDump(), path);
    truncateSync(path, Math.floor(statSync(path).size * 0.9));
    const { status, stdout } = vmcore('info', '--json', '--cut-short', path);
    assert.equal(status, 0);
    assert.match(JSON.parse(stdout.toString()).release, /^\d+\.\d+/);
  });
});

describe('a kdump header with absurd sizes', () => {
  const patched = (offset: number, value: bigint, bytes: 4 | 8): string => {
    const path = file('absurd');
    copyFileSync(savedDump(), path);
    const field = Buffer.alloc(bytes);
    if (bytes === 4) field.writeUInt32LE(Number(value));
    else field.writeBigUInt64LE(value);
    const fd = openSync(path, 'r+');
    writeSync(fd, field, 0, bytes, offset);
    return path;
  };
  const absurd: [what: string, offset: number, value: bigint, bytes: 4 | 8, code: string][] = [
    ['a block size of 3 GB', 428, 3_000_000_000n, 4, 'E_CORRUPT'],
    ['a block size of 0', 428, 0n, 4, 'E_CORRUPT'],
    ['4 billion sub header blocks', 432, 0xffff_ffffn, 4, 'E_TRUNCATED'],
    ['4 billion bitmap blocks', 436, 0xffff_ffffn, 4, 'E_TRUNCATED'],
    ['2^60 page frames', 4096 + 96, 1n << 60n, 8, 'E_CORRUPT'],
    ['vmcoreinfo beyond the end', 4096 + 32, 1n << 50n, 8, 'E_CORRUPT'],
    ['notes of 2^62 bytes', 4096 + 56, 1n << 62n, 8, 'E_CORRUPT'],
  ];
  for (const [what, offset, value, bytes, code] of absurd) {
    it(what, () => assertRefused(patched(offset, value, bytes), code, 5));
  }
});

describe('a command line that cannot be meant', () => {
  const cases: [args: string[], status: number, pattern: RegExp][] = [
    [['makedumpfile', '-d', '32', 'in', 'out'], 2, /"32" is not a dump level; .*0 to 31.*\[E_USAGE\]/],
    [['makedumpfile', '-d', 'x', 'in', 'out'], 2, /\[E_USAGE\]/],
    [['makedumpfile', '-c', '-z', 'in', 'out'], 2, /'-c'.*'-z'.*\[E_USAGE\]/],
    [['info'], 2, /missing required argument 'file'.*\[E_USAGE\]/],
    [['info', '--nonsense', 'in'], 2, /unknown option '--nonsense'.*\[E_USAGE\]/],
    [['rehearse', '--arch', 'riscv64'], 2, /riscv64.*x86_64, arm64.*\[E_USAGE\]/],
    [['rehearse', '--load', 'kexec'], 2, /file, load, auto.*\[E_USAGE\]/],
    [['rehearse', '--memory', 'lots'], 2, /lots.*\[E_USAGE\]/],
    [['rehearse', '--kernel', '/nowhere/vmlinuz'], 2, /--modules.*\[E_USAGE\]/],
  ];
  for (const [args, status, pattern] of cases) {
    it(`vmcore ${args.join(' ')}`, () => {
      const { status: got, stderr } = vmcore(...args);
      assert.equal(got, status, stderr);
      assert.match(stderr, pattern);
      assert.equal(stderr.split('\n').length, 2, stderr);
    });
  }
});

describe('an output that is there already', () => {
  const output = file('precious');
  before(() => writeFileSync(output, 'precious'));
  it('is not overwritten', () => {
    const { status, stderr } = vmcore('makedumpfile', '-d', '31', savedDump(), output);
    assert.equal(status, 1);
    assert.match(stderr, /precious: .*exists.*\[E_EXISTS\]/);
    assert.equal(statSync(output).size, 'precious'.length);
  });
  it('is, when told to', () => {
    assert.equal(vmcore('makedumpfile', '-f', '-d', '31', savedDump(), output).status, 0);
    assert.equal(vmcore('info', output).status, 0);
  });
});
