/**
 * The example filters and erase commands on the rehearsed dump: what they erase is gone, everything else is as it was, and the tools that people have
 * still open the dump.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { debianMakedumpfile, libkdumpfilePages, newestDrgn } from '../lab/peers.ts';
import { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../src/base/units.ts';
import type { Dump } from '../src/formats/dump.ts';
import { vmcore } from './command.ts';
import { open, rawDump, savedLog } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-filtered-'));
const examples = join(import.meta.dirname, '..', 'examples', 'filters');
const reference = join(folder, 'reference');
/** As the log shows it. */
const commandLine = /\] Command line: (.*)$/m.exec(savedLog())?.[1] ?? '';

/** Level 31 in zlib, which every makedumpfile reads. */
function filter(
  name: string,
  ...args: readonly string[]
): { readonly path: string; readonly result: unknown } {
  const path = join(folder, name);
  const run = vmcore('makedumpfile', '-q', '--json', '-c', '-d', '31', ...args, rawDump(), path);
  assert.equal(run.status, 0, run.stderr);
  return { path, result: JSON.parse(run.stdout.toString()) };
}

before(() => {
  // A checkout of whoever has a lax umask is still the user's own.
  for (const name of ['erase-secrets', 'drop-module', 'keep-process'])
    chmodSync(join(examples, `${name}.ts`), 0o644);
  filter('reference');
});
after(() => rmSync(folder, { recursive: true }));

const present = (dump: Dump): PfnBitmap => {
  const bitmap = new PfnBitmap(asPfn(0), dump.memory.endPfn);
  dump.memory.markPresent(bitmap);
  return bitmap;
};

interface Comparison {
  /** Pages that only one of the two has. */
  readonly missing: number[];
  readonly added: number[];
  readonly changed: readonly ChangedRun[];
}

/** Bytes in a row that are not the same, as text before and after; `pages`: all that it is in. */
interface ChangedRun {
  readonly pages: number[];
  before: string;
  after: string;
}

function compare(filtered: Dump): Comparison {
  const whole = open(reference);
  const [ours, theirs] = [present(filtered), present(whole)];
  const found = {
    missing: [] as number[],
    added: [] as number[],
    changed: [] as ChangedRun[],
  };
  const [a, b] = [Buffer.alloc(4096), Buffer.alloc(4096)];
  let changedUntil = -1;
  for (let pfn = 0; pfn < whole.memory.endPfn; pfn++) {
    if (!ours.has(pfn) && theirs.has(pfn)) found.missing.push(pfn);
    if (ours.has(pfn) && !theirs.has(pfn)) found.added.push(pfn);
    if (!ours.has(pfn) || !theirs.has(pfn)) continue;
    assert.equal(whole.memory.read(asPaddr(pfn * 4096), a), 4096);
    assert.equal(filtered.memory.read(asPaddr(pfn * 4096), b), 4096);
    for (let at = a.equals(b) ? 4096 : 0; at < 4096; at++) {
      if (a[at] === b[at]) continue;
      let end = at;
      while (end < 4096 && a[end] !== b[end]) end++;
      const [before, after] = [a.toString('latin1', at, end), b.toString('latin1', at, end)];
      const last = found.changed.at(-1);
      if (last !== undefined && pfn * 4096 + at === changedUntil) {
        last.pages.push(pfn);
        last.before += before;
        last.after += after;
      } else {
        found.changed.push({ pages: [pfn], before, after });
      }
      changedUntil = pfn * 4096 + end;
      at = end;
    }
  }
  whole.source.close();
  return found;
}

const pagesOf = (changed: readonly ChangedRun[]): number[] => [
  ...new Set(changed.flatMap(({ pages }) => pages)),
];

const eraseinfo = (path: string): string[] =>
  JSON.parse(vmcore('info', '--json', path).stdout.toString()).eraseinfo;

/** makedumpfile and drgn open it; libkdumpfile reads these pages with the bytes that we read. */
async function opensElsewhere(path: string, pfns: readonly number[]): Promise<void> {
  const log = `${path}.dmesg`;
  const peer = await debianMakedumpfile().run(['--dump-dmesg', path, log]);
  assert.equal(peer.status, 0, peer.stderr);
  assert.equal(readFileSync(log, 'latin1'), vmcore('dmesg', path).stdout.toString('latin1'));
  const script =
    'import drgn, sys; p = drgn.Program(); p.set_core_dump(sys.argv[1]); print(p["VMCOREINFO"].string_().decode())';
  const { status, stdout, stderr } = await (await newestDrgn()).run(['-c', script, path]);
  assert.equal(status, 0, stderr);
  const dump = open(path);
  assert.equal(stdout.toString().trim(), dump.vmcoreinfo?.trim());
  const answers = await libkdumpfilePages(path, 4096, pfns);
  const page = new Uint8Array(4096);
  for (const pfn of pfns) {
    assert.equal(dump.memory.read(asPaddr(pfn * 4096), page), 4096);
    assert.deepEqual(
      answers.get(pfn),
      { sha256: createHash('sha256').update(page).digest('hex') },
      `page ${pfn}`,
    );
  }
}

describe('examples/filters', () => {
  it('erase-secrets.ts: the name and the command line are gone, and nothing else is', async () => {
    const { path } = filter('secrets', '--filter', join(examples, 'erase-secrets.ts'));
    const { missing, added, changed } = compare(open(path));
    assert.deepEqual({ missing, added }, { missing: [], added: [] });
    assert.ok(changed.length >= 4);
    for (const { after } of changed) assert.match(after, /^X+$/);
    // In saved_command_line, static_command_line and two lines of the log; the name is "(none)", two strings of 65 bytes.
    // The kernel cuts the second one into words when it reads it.
    const words = (text: string): string => text.replace(/[\0= ]/g, ' ');
    assert.equal(changed.filter(({ before }) => words(before) === words(commandLine)).length, 4);
    assert.ok(changed.some(({ before }) => before.startsWith('(none)\0')));
    const bytes = changed.reduce((sum, { before }) => sum + before.length, 0);
    assert.equal(bytes, 2 * 65 + 4 * commandLine.length);
    assert.deepEqual(eraseinfo(path), [
      'erase uts_namespace.name.nodename size 65',
      'erase uts_namespace.name.domainname size 65',
      `erase saved_command_line size ${commandLine.length}`,
      `erase static_command_line size ${commandLine.length}`,
      `erase log_buf size ${commandLine.length}`,
      `erase log_buf size ${commandLine.length}`,
    ]);
    // The header of the file has the name, too.
    assert.ok(!readFileSync(path).subarray(0, 4096).includes('(none)'));
    await opensElsewhere(path, pagesOf(changed));
  });

  it('drop-module.ts: the memory of the module is out, and nothing else is', async () => {
    process.env.VMCORE_DROP_MODULES = 'virtio_blk,virtio_pci';
    const { path, result } = filter('module', '--filter', join(examples, 'drop-module.ts'));
    const { missing, added, changed } = compare(open(path));
    assert.deepEqual({ added, changed }, { added: [], changed: [] });
    const { dropped, remarks } = result as { dropped: number; remarks: string[] };
    assert.equal(missing.length, dropped);
    assert.ok(dropped >= 4);
    assert.equal(
      remarks.filter((line) => /left out the memory of module virtio_(blk|pci)$/.test(line)).length,
      2,
    );
    // Its code says its name in error messages and in struct module.
    const page = Buffer.alloc(4096);
    const whole = open(reference);
    const text = missing.map((pfn) => {
      whole.memory.read(asPaddr(pfn * 4096), page);
      return page.toString('latin1');
    });
    assert.ok(text.some((bytes) => bytes.includes('virtio_blk\0')));
    await opensElsewhere(path, []);
  });

  it('keep-process.ts: one program is in, without its environment, and nothing else is', async () => {
    process.env.VMCORE_KEEP = 'init';
    const { path } = filter('process', '--filter', join(examples, 'keep-process.ts'));
    const { missing, added, changed } = compare(open(path));
    assert.deepEqual({ missing, changed }, { missing: [], changed: [] });
    assert.ok(added.length > 0);
    const filtered = open(path);
    const whole = open(rawDump());
    const [a, b] = [Buffer.alloc(4096), Buffer.alloc(4096)];
    let erased = '';
    for (const pfn of added) {
      assert.equal(whole.memory.read(asPaddr(pfn * 4096), a), 4096);
      assert.equal(filtered.memory.read(asPaddr(pfn * 4096), b), 4096);
      for (let at = 0; at < 4096; at++) {
        if (a[at] === b[at]) continue;
        assert.equal(b[at], 0x58);
        erased += String.fromCharCode(a[at]!);
      }
    }
    assert.match(erased, /HOME=\//);
    await opensElsewhere(path, added);
  });
});

describe('--config', () => {
  it('erases what makedumpfile.conf(5) names, in ELF output too, which says so in a note', async () => {
    const config = join(folder, 'erase.conf');
    writeFileSync(
      config,
      '[vmlinux]\nerase saved_command_line\nerase init_uts_ns.name.nodename\nfor m in modules.next within module:list\n\terase m.srcversion nullify\nendfor\n',
    );
    const elf = join(folder, 'erased.elf');
    const run = vmcore('makedumpfile', '-q', '-E', '-d', '31', '--config', config, rawDump(), elf);
    assert.equal(run.status, 0, run.stderr);
    const lines = eraseinfo(elf);
    assert.deepEqual(lines.slice(0, 2), [
      `erase saved_command_line size ${commandLine.length}`,
      'erase init_uts_ns.name.nodename size 65',
    ]);
    assert.ok(lines.length > 5 && lines.slice(2).every((line) => line === 'erase m.srcversion nullify'));
    const log = join(folder, 'elf.dmesg');
    const peer = await debianMakedumpfile().run(['--dump-dmesg', elf, log]);
    assert.equal(peer.status, 0, peer.stderr);
    // Filtered once more, both runs are told.
    const again = join(folder, 'again');
    const second = vmcore(
      'makedumpfile',
      '-q',
      '-c',
      '-d',
      '1',
      '--filter',
      join(examples, 'erase-secrets.ts'),
      elf,
      again,
    );
    assert.equal(second.status, 0, second.stderr);
    assert.deepEqual(eraseinfo(again).slice(0, lines.length), lines);
    assert.ok(eraseinfo(again).length > lines.length);
  });
});

describe('--config, in the sections of modules', () => {
  it('erases by their own symbols and types', async () => {
    const config = join(folder, 'modules.conf');
    writeFileSync(
      config,
      // struct virtio_driver is a type of the module, struct file_system_type one of vmlinux.
      '[ext4]\nerase (file_system_type)ext4_fs_type.name\n[virtio-blk]\nerase (virtio_driver)virtio_blk.driver.name\n[not_loaded]\nerase x\n',
    );
    const { path, result } = filter('modules', '--config', config);
    const { missing, added, changed } = compare(open(path));
    assert.deepEqual({ missing, added }, { missing: [], added: [] });
    assert.deepEqual(changed.map(({ before, after }) => `${before}: ${after}`).sort(), [
      'ext4: XXXX',
      'virtio_blk: XXXXXXXXXX',
    ]);
    assert.deepEqual(eraseinfo(path), [
      'erase ext4_fs_type.name size 4',
      'erase virtio_blk.driver.name size 10',
    ]);
    const { remarks } = result as { remarks: string[] };
    assert.deepEqual(remarks, [`${config}:5: module not_loaded was not loaded: nothing to erase`]);
    await opensElsewhere(path, pagesOf(changed));
  });
});

describe('filters that fail', () => {
  it('cost one line that names them, and leave no output', () => {
    const broken = join(folder, 'broken.ts');
    writeFileSync(broken, 'export default (kernel) => kernel.symbol("no_such_symbol");\n', { mode: 0o600 });
    const config = join(folder, 'broken.conf');
    writeFileSync(config, 'erase init_uts_ns.nonsense\n');
    for (const [option, file, status, what] of [
      ['--filter', broken, 6, /broken\.ts: failed in line 1: the kernel has no symbol no_such_symbol/],
      ['--config', config, 6, /broken\.conf:1: struct uts_namespace has no member nonsense/],
    ] as const) {
      const output = join(folder, 'none');
      const run = vmcore('makedumpfile', '-q', '-c', '-d', '31', option, file, rawDump(), output);
      assert.equal(run.status, status);
      assert.match(run.stderr, what);
      assert.throws(() => readFileSync(output), { code: 'ENOENT' });
    }
  });
});
