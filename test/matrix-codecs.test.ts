/**
 * Every form in which we write a dump opens in the tools that people have, and every form in which makedumpfile writes one opens in ours:
 * on Linux 6.1, at work when it crashed.
 *
 * crash is asked what a person would ask, and has to say of our dump what it says of the raw vmcore, to the letter. It needs the kernel's
 * debuginfo, most of a gigabyte, which is why this is part of `npm run test:matrix`.
 *
 * Found by running: crash 9.0.2, and libkdumpfile of drgn 0.3, read all of our forms; makedumpfile 1.7.8 of Debian is built without snappy.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { askCrash } from '../lab/crash.ts';
import { debugVmlinux } from '../lab/debug-kernel.ts';
import { guestDump } from '../lab/guests/guests.ts';
import { guestKernels } from '../lab/guests/kernels.ts';
import { libkdumpfilePages, newestMakedumpfile } from '../lab/peers.ts';
import type { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { silentProgress } from '../src/base/progress.ts';
import { asPaddr } from '../src/base/units.ts';
import { nativeCodecs } from '../src/codecs/native.ts';
import { openDumpFiles } from '../src/formats/open.ts';
import { openFile } from '../src/sys/file-source.ts';
import { vmcore } from './command.ts';
import { open } from './rehearsal.ts';
import { differences, differingPage, presentPages, someOf } from './support/kept-pages.ts';

const kernel = '6.1-x86_64';
const memory = 2 ** 30;
const level = ['-d', '31'];

const forms = [
  ['zlib', ['-c']],
  ['lzo', ['-l']],
  ['snappy', ['-p']],
  ['zstd', ['-z']],
  ['stored', []],
  ['ELF', ['-E']],
  ['flattened zlib', ['-F', '-c']],
  ['flattened ELF', ['-F', '-E']],
  ['three parts', ['-c', '--split']],
] as const;
type Form = (typeof forms)[number][0];

/** What Debian's makedumpfile is built without. */
const notTheirs: readonly Form[] = ['snappy'];

const commands = [
  'sys',
  'ps',
  'kmem -i',
  'log',
  'bt -a',
  'mod',
  'mount',
  // Kernel code, and a variable.
  'rd -p 0x1000000 64',
  'rd jiffies',
];

const folder = mkdtempSync(join(tmpdir(), 'vmcore-forms-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => join(folder, name);
const program = join(import.meta.dirname, '..', 'bin', 'vmcore');

/** What a dump says of the crash, whatever form it has. */
function factsOf(json: Buffer): object {
  const { release, panic, crashTime, uptimeSeconds, cpus, pageSize, missing } = JSON.parse(json.toString());
  return { release, panic, crashTime, uptimeSeconds, cpus, pageSize, missing };
}

describe(`Linux ${kernel}`, () => {
  let raw = '';
  let vmlinux = '';
  let answers = '';
  /** The pages that the level keeps. */
  let kept: PfnBitmap;
  before(
    async () => {
      const dump = await guestDump({ kernel, memory }, silentProgress, new AbortController().signal);
      const { suite } = guestKernels[kernel];
      raw = dump.raw;
      vmlinux = await debugVmlinux({ suite, release: dump.release, progress: silentProgress });
      answers = (await askCrash({ vmlinux, dumps: [raw], commands })).text;
      kept = pagesOf(write('stored', []));
    },
    { timeout: 60 * 60_000 },
  );
  afterEach(() => {
    for (const name of [...parts('ours'), ...parts('theirs'), 'ours', 'theirs', 'again']) {
      rmSync(file(name), { force: true });
    }
  });

  const parts = (whose: string): string[] => [1, 2, 3].map((part) => `${whose}-${part}`);
  /** The files that a dump in this form consists of. */
  const filesOf = (form: Form, whose: string): string[] =>
    (form === 'three parts' ? parts(whose) : [whose]).map(file);

  /** Writes the guest's dump in this form and returns its files. */
  function write(form: Form, options: readonly string[]): string[] {
    const files = filesOf(form, 'ours');
    make([program, 'makedumpfile', '-q'], form, options, files);
    return files;
  }

  /** Runs a makedumpfile; a flattened dump goes to its standard output. */
  function make(
    [command, ...before]: readonly string[],
    form: Form,
    options: readonly string[],
    files: readonly string[],
  ): void {
    const isStream = form.startsWith('flattened');
    const output = isStream ? openSync(files[0]!, 'w', 0o600) : 'ignore';
    try {
      const run = spawnSync(command!, [...before, ...options, ...level, raw, ...(isStream ? [] : files)], {
        stdio: ['ignore', output, 'pipe'],
        encoding: 'utf8',
        timeout: 300_000,
      });
      assert.equal(run.status, 0, run.stderr);
    } finally {
      if (output !== 'ignore') closeSync(output);
    }
  }

  /** The pages of a dump, each of which has the bytes of the raw vmcore. */
  function pagesOf(files: readonly string[]): PfnBitmap {
    const options = { codecs: nativeCodecs(), cutShort: 'refuse' } as const;
    const dump = openDumpFiles(
      files.map((path) => openFile(path)),
      options,
    );
    const whole = open(raw);
    try {
      const pages = presentPages(dump);
      assert.ok(pages.count() > 20_000, `${pages.count()} pages`);
      assert.equal(differingPage(dump, whole, pages), undefined);
      return pages;
    } finally {
      dump.source.close();
      whole.source.close();
    }
  }

  function withoutZeros(pfns: readonly number[]): number[] {
    const whole = open(raw);
    const page = new Uint8Array(4096);
    try {
      return pfns.filter((pfn) => {
        assert.equal(whole.memory.read(asPaddr(pfn * page.length), page), page.length);
        return page.some((byte) => byte !== 0);
      });
    } finally {
      whole.source.close();
    }
  }

  it('crash answers on the raw vmcore, or comparing with it would tell nothing', () => {
    assert.match(answers, /PANIC: "Kernel panic - not syncing: sysrq triggered crash"/);
    assert.match(answers, /TASKS: 3\d\d$/m);
    assert.ok([...answers.matchAll(/ IN .* sleep$/gm)].length >= 300, 'the sleeping tasks of the load');
    assert.match(answers, /TOTAL HUGE +\d{4}/);
    assert.match(answers, /^\[ +0\.000000\] Linux version 6\.1\./m);
    assert.match(answers, /#\d+ \[[0-9a-f]+\] sysrq_handle_crash at /);
    assert.match(answers, / ext4 +[0-9a-f]{16} /);
    assert.match(answers, /\/run\/scratch$/m);
    assert.match(answers, /^ +10001f0: /m);
    assert.doesNotMatch(answers, /^(crash|\w+): .*(error|invalid|unknown|cannot)/im);
  });

  for (const [form, options] of forms) {
    it(`${form}: crash says of ours what it says of the raw vmcore`, async () => {
      const { status, text, stderr } = await askCrash({ vmlinux, dumps: write(form, options), commands });
      assert.equal(status, 0, stderr || text);
      assert.equal(stderr, '');
      assert.equal(text, answers);
    });

    // drgn takes one file.
    if (form !== 'three parts') {
      it(`${form}: libkdumpfile reads ours with the bytes of the raw vmcore`, async () => {
        const [ours] = write(form, options);
        const dump = open(ours!);
        const pfns = [...presentPages(dump).runs()].flatMap(({ start, end }) =>
          Array.from({ length: end - start }, (_, i) => start + i),
        );
        const some = pfns.filter((_, i) => i % 4 === 0);
        assert.ok(some.length > 5000, `${some.length} pages`);
        const found = await libkdumpfilePages(ours!, dump.memory.pageSize, some);
        dump.source.close();
        assert.ok([...found.values()].every((answer) => 'sha256' in answer));
        assert.deepEqual(found, await libkdumpfilePages(raw, 4096, some));
      });
    }

    const canBeRead = !notTheirs.includes(form) && !form.startsWith('flattened');
    if (canBeRead) {
      it(`${form}: makedumpfile 1.7.8 reads ours, and what it makes of it has the same pages`, async () => {
        const ours = write(form, options);
        const peer = await newestMakedumpfile();
        const again = file('again');
        const line =
          form === 'three parts' ? ['--reassemble', ...ours, again] : ['-c', ...level, ours[0]!, again];
        const run = await peer.run(line);
        assert.equal(run.status, 0, run.stderr);
        const { onlyOurs, onlyTheirs } = differences(kept, pagesOf([again]));
        assert.equal(someOf(onlyTheirs), someOf([]));
        // Zero pages are not in an ELF file, ours or its own, and it does not make them again.
        assert.equal(someOf(form === 'ELF' ? withoutZeros(onlyOurs) : onlyOurs), someOf([]));
      });
    }

    if (!notTheirs.includes(form)) {
      it(`${form}: theirs opens in ours, with the pages, the log and the facts of the raw vmcore`, async () => {
        const theirs = filesOf(form, 'theirs');
        make((await newestMakedumpfile()).command, form, options, theirs);
        pagesOf(theirs);
        for (const question of [['dmesg'], ['info', '--json']]) {
          const [ofTheirs, ofRaw] = [vmcore(...question, ...theirs), vmcore(...question, raw)];
          assert.equal(ofTheirs.status, 0, ofTheirs.stderr);
          if (question[0] === 'dmesg') assert.ok(ofTheirs.stdout.equals(ofRaw.stdout));
          else assert.deepEqual(factsOf(ofTheirs.stdout), factsOf(ofRaw.stdout));
        }
      });
    }
  }

  it('an incomplete dump of ours opens in crash, which is told so', async () => {
    const [whole] = write('zlib', ['-c']);
    // What crash cannot do without lies at both ends of memory; makedumpfile's own opens only when as little is missing.
    const size = statSync(whole!).size - 2 ** 18;
    rmSync(whole!);
    const run = vmcore('makedumpfile', '-q', '-c', ...level, '-L', `${size}`, raw, whole!);
    assert.equal(run.status, 4, run.stderr);
    const session = { vmlinux, dumps: [whole!], commands: ['sys', 'rd -p 0x1000000 64'] };
    const { status, text, stderr } = await askCrash({ ...session, missing: 'zeros' });
    assert.equal(status, 0, stderr || text);
    assert.match(text, /This dumpfile is incomplete/);
    const lines = answers
      .split('\n')
      .filter((line) => /^ +(RELEASE|PANIC|UPTIME|10000[0-9a-f]0): /.test(line));
    assert.ok(lines.length > 16, `${lines.length} lines`);
    for (const line of lines) assert.ok(text.includes(line), line);
  });
});
