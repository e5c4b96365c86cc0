/**
 * makedumpfile's command line on the rehearsed crash, beside the makedumpfiles of Debian 12 and forky: what either writes, the other reads
 * to the same bytes.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { debianMakedumpfile, newestMakedumpfile, type Peer } from '../lab/peers.ts';
import { vmcore } from './command.ts';
import { open, rawDump, savedDump } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-makedumpfile-'));
const file = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

const bin = join(import.meta.dirname, '..', 'bin');
const minutes = 60_000;

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with its standard input from, and its standard output to, files. */
function pipe(
  program: string,
  args: readonly string[],
  { input = '/dev/null', output }: { input?: string; output?: string } = {},
): Run {
  const from = openSync(input, 'r');
  const to = output === undefined ? undefined : openSync(output, 'w');
  try {
    const run = spawnSync(program, args, { stdio: [from, to ?? 'pipe', 'pipe'], timeout: 5 * minutes });
    return { status: run.status, stdout: run.stdout?.toString() ?? '', stderr: run.stderr.toString() };
  } finally {
    closeSync(from);
    if (to !== undefined) closeSync(to);
  }
}

/** Ours, under the name that scripts call. */
const dropIn = (...args: readonly string[]): Run => pipe(join(bin, 'makedumpfile'), args);

function ours(...args: readonly string[]): void {
  const { status, stderr } = vmcore('makedumpfile', '-q', ...args);
  assert.equal(status, 0, stderr);
}

async function theirs(peer: Peer, ...args: readonly string[]): Promise<void> {
  const { status, stderr } = await peer.run(args, { timeout: 5 * minutes });
  assert.equal(status, 0, stderr);
}

/** Equal but for the time of writing (tv_sec, tv_usec at 408), which kdump-compressed headers carry. */
function assertSameDump(a: string, b: string): void {
  const [one, other] = [readFileSync(a), readFileSync(b)];
  if (one.subarray(0, 5).toString() === 'KDUMP') for (const bytes of [one, other]) bytes.fill(0, 408, 424);
  assert.equal(one.length, other.length, `${a} and ${b}`);
  assert.ok(one.equals(other), `${a} and ${b} differ`);
}

describe('the flattened format', () => {
  for (const [name, options] of [
    ['kdump-compressed', ['-c', '-d', '31']],
    ['ELF', ['-E', '-d', '31']],
  ] as const) {
    it(`${name}: makedumpfile -R makes of ours what we write without -F`, async () => {
      const direct = file(`direct-${name}`);
      ours(...options, rawDump(), direct);
      const flat = file(`flat-${name}`);
      const run = pipe(join(bin, 'makedumpfile'), ['-F', ...options, rawDump()], { output: flat });
      assert.equal(run.status, 0, run.stderr);
      assert.match(run.stderr, /makedumpfile Completed/, 'messages go to stderr');
      const debian = pipe('/usr/bin/makedumpfile', ['-R', file(`debian-${name}`)], { input: flat });
      assert.equal(debian.status, 0, debian.stderr);
      assertSameDump(file(`debian-${name}`), direct);
      const own = pipe(join(bin, 'makedumpfile'), ['-R', file(`own-${name}`)], { input: flat });
      assert.equal(own.status, 0, own.stderr);
      assertSameDump(file(`own-${name}`), direct);
    });

    it(`${name}: we make of makedumpfile -F what its own -R makes`, () => {
      const flat = file(`peer-flat-${name}`);
      const made = pipe('/usr/bin/makedumpfile', ['-F', ...options, rawDump()], { output: flat });
      assert.equal(made.status, 0, made.stderr);
      const [own, debian] = [file(`peer-own-${name}`), file(`peer-debian-${name}`)];
      for (const [program, output] of [
        [join(bin, 'makedumpfile'), own],
        ['/usr/bin/makedumpfile', debian],
      ] as const) {
        assert.equal(pipe(program, ['-R', output], { input: flat }).status, 0);
      }
      assert.ok(readFileSync(own).equals(readFileSync(debian)));
    });

    it(`${name}: opens as it is, without being rearranged`, () => {
      const [flat, unflattened] = [file(`peer-flat-${name}`), file(`peer-own-${name}`)];
      const [a, b] = [flat, unflattened].map((path) => vmcore('dmesg', path));
      assert.equal(a!.status, 0, a!.stderr);
      assert.ok(a!.stdout.length > 10_000);
      assert.ok(a!.stdout.equals(b!.stdout));
      assert.equal(vmcore('info', flat).status, 0);
      if (name === 'ELF') return;
      ours('-z', '-d', '31', flat, file('refiltered'));
      ours('-z', '-d', '31', unflattened, file('refiltered-too'));
      assertSameDump(file('refiltered'), file('refiltered-too'));
    });
  }

  it('that was cut short is refused; -R keeps what came and fails', () => {
    const cut = file('cut-flat');
    writeFileSync(cut, readFileSync(file('peer-flat-kdump-compressed')));
    truncateSync(cut, statSync(cut).size - 5_000_000);
    const info = vmcore('info', cut);
    assert.equal(info.status, 5);
    assert.match(info.stderr, /no end record.*\[E_TRUNCATED\]/);
    assert.equal(vmcore('info', '--cut-short', cut).status, 0);
    const run = pipe(join(bin, 'makedumpfile'), ['-R', file('cut-dump')], { input: cut });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /no end record/);
    assert.ok(statSync(file('cut-dump')).size > 1_000_000);
  });

  it('goes through real pipes, and says when the reader leaves', async () => {
    const head = spawnSync(
      'sh',
      ['-c', '"$1" -F -c -d 31 "$2" | head -c 100000 >/dev/null', 'sh', join(bin, 'makedumpfile'), rawDump()],
      {
        timeout: 5 * minutes,
      },
    );
    assert.match(head.stderr.toString(), /the reader of the pipe went away.*\[E_IO\]/);
    const piped = file('piped');
    const through = spawnSync(
      'sh',
      ['-c', '"$1" -F -c -d 31 "$2" | "$1" -R "$3"', 'sh', join(bin, 'makedumpfile'), rawDump(), piped],
      {
        timeout: 5 * minutes,
      },
    );
    assert.equal(through.status, 0, through.stderr.toString());
    assertSameDump(piped, file('direct-kdump-compressed'));
  });
});

describe('split dumps', () => {
  const parts = (name: string, count = 3): string[] =>
    Array.from({ length: count }, (_, i) => file(`${name}.${i}`));
  before(async () => {
    await theirs(
      debianMakedumpfile(),
      '-c',
      '-d',
      '31',
      '--splitblock-size',
      '1024',
      '--split',
      rawDump(),
      ...parts('theirs'),
    );
  });

  it('of makedumpfile open as one dump, in any order', () => {
    const [a, b, c] = parts('theirs') as [string, string, string];
    const whole = vmcore('dmesg', file('direct-kdump-compressed'));
    const split = vmcore('dmesg', c, a, b);
    assert.equal(split.status, 0, split.stderr);
    assert.ok(split.stdout.equals(whole.stdout));
    const missing = vmcore('info', a, c);
    assert.equal(missing.status, 5);
    assert.match(
      missing.stderr,
      /a part of a split dump is missing: page frames 0x[0-9a-f]+-0x[0-9a-f]+; .*\[E_TRUNCATED\]/,
    );
    const alone = vmcore('info', '--cut-short', '--json', b);
    assert.equal(alone.status, 0, alone.stderr);
    assert.ok((JSON.parse(alone.stdout.toString()) as { incomplete: boolean }).incomplete);
  });

  it('of makedumpfile are reassembled to the bytes that its own --reassemble makes', async () => {
    await theirs(debianMakedumpfile(), '--reassemble', ...parts('theirs'), file('their-whole'));
    ours('--reassemble', ...parts('theirs').reverse(), file('our-whole'));
    assert.ok(readFileSync(file('our-whole')).equals(readFileSync(file('their-whole'))));
    assert.equal(statSync(file('our-whole')).mode & 0o777, 0o600);
  });

  for (const count of [2, 3, 5]) {
    it(`of ours in ${count} are reassembled by both to the same bytes, and to the pages of the whole`, async () => {
      const names = parts(`ours${count}`, count);
      ours('-c', '-d', '31', '--split', rawDump(), ...names);
      await theirs(debianMakedumpfile(), '--reassemble', ...names, file('a'));
      ours('--reassemble', ...names, file('b'));
      assert.ok(readFileSync(file('a')).equals(readFileSync(file('b'))));
      assertSameDump(file('b'), file('direct-kdump-compressed'));
      assert.ok(!open(file('b')).describe().incomplete);
      for (const name of ['a', 'b']) rmSync(file(name));
    });
  }
});

describe('header versions', () => {
  // disk_dump_header: header_version at 8, max_mapnr at 440 in 32 bits, which versions below 6 use; both are written by all of us.
  for (const version of [5, 4, 3]) {
    it(`${version}: the log of a dump that was made by that version, as makedumpfile tells it`, async () => {
      const old = file(`version-${version}`);
      const bytes = readFileSync(file('direct-kdump-compressed'));
      bytes.writeInt32LE(version, 8);
      writeFileSync(old, bytes);
      const log = file(`version-${version}-log`);
      await theirs(debianMakedumpfile(), '--dump-dmesg', old, log);
      const { status, stdout, stderr } = vmcore('dmesg', old);
      assert.equal(status, 0, stderr);
      assert.ok(stdout.equals(readFileSync(log)));
      const info = JSON.parse(vmcore('info', '--json', old).stdout.toString()) as {
        cpus: number;
        detail: string;
      };
      assert.equal(info.detail, `kdump-compressed, version ${version}`);
      assert.ok(info.cpus > 0);
      if (version > 3) return;
      // What has no notes is filtered again without losing vmcoreinfo or the CPUs.
      ours('-z', '-d', '31', old, file('from-3'));
      assert.ok(vmcore('dmesg', file('from-3')).stdout.equals(stdout));
      const again = JSON.parse(vmcore('info', '--json', file('from-3')).stdout.toString()) as {
        cpus: number;
      };
      assert.equal(again.cpus, info.cpus);
    });
  }

  it('1 and 2 do not say what kernel it was: that is told, and what to do', () => {
    for (const version of [1, 2]) {
      const bytes = readFileSync(file('direct-kdump-compressed'));
      bytes.writeInt32LE(version, 8);
      writeFileSync(file('oldest'), bytes);
      const info = vmcore('info', '--json', file('oldest'));
      assert.equal(info.status, 0, info.stderr);
      const { pages, cpus } = JSON.parse(info.stdout.toString()) as {
        pages: { present: number };
        cpus: number;
      };
      assert.ok(pages.present > 10_000 && cpus > 0);
      const filter = vmcore('makedumpfile', '-q', '-c', '-d', '31', file('oldest'), file('none'));
      assert.equal(filter.status, 6);
      assert.match(filter.stderr, /\[E_NO_INFO\]/);
      ours('-f', '-c', '-d', '1', file('oldest'), file('from-oldest'));
    }
  });
});

describe('the log', () => {
  it('is the bytes of the newest makedumpfile, with all three commands that tell it', async () => {
    const [log, peer] = [file('our-log'), file('peer-log')];
    const run = dropIn('--dump-dmesg', savedDump(), log);
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /The dmesg log is saved to .*\n\nmakedumpfile Completed\.\n$/);
    await theirs(await newestMakedumpfile(), '--dump-dmesg', savedDump(), peer);
    assert.equal(readFileSync(log, 'latin1'), readFileSync(peer, 'latin1'));
    assert.equal(
      vmcore('dmesg', '--caller', savedDump()).stdout.toString('latin1'),
      readFileSync(log, 'latin1'),
    );
    assert.equal(statSync(log).mode & 0o777, 0o600);
  });

  it('since it was last cleared is the same as theirs: this one never was', async () => {
    const [log, peer] = [file('our-partial'), file('peer-partial')];
    assert.equal(dropIn('--dump-dmesg', '--partial-dmesg', rawDump(), log).status, 0);
    await theirs(await newestMakedumpfile(), '--dump-dmesg', '--partial-dmesg', rawDump(), peer);
    assert.equal(readFileSync(log, 'latin1'), readFileSync(peer, 'latin1'));
  });

  it('ends at -L', () => {
    const run = dropIn('--dump-dmesg', '-L', '1K', savedDump(), file('short-log'));
    assert.equal(run.status, 1);
    assert.equal(statSync(file('short-log')).size, 1024);
  });
});

describe('levels and limits', () => {
  it('the next level is tried when the dump does not fit', () => {
    const output = file('retried');
    const limit = `${statSync(file('direct-kdump-compressed')).size}`;
    const { status, stdout } = dropIn('-c', '-d', '0,31', '-L', limit, rawDump(), output);
    assert.equal(status, 0);
    assert.match(stdout, /Retry to create a dumpfile by dump_level\(31\)/);
    assertSameDump(output, file('direct-kdump-compressed'));
  });

  it('the last one that does not fit leaves an incomplete dump that can be read', () => {
    const output = file('limited');
    const limit = Math.floor(statSync(file('direct-kdump-compressed')).size * 0.8);
    const args = ['-c', '-d', '31', '-L', `${limit}`, rawDump(), output];
    const { status, stderr } = vmcore('makedumpfile', ...args);
    assert.equal(status, 4);
    assert.match(stderr, /size limit of .* is reached.*\[E_NO_SPACE\]/);
    assert.ok(statSync(output).size <= limit);
    const info = JSON.parse(vmcore('info', '--json', output).stdout.toString()) as { incomplete: boolean };
    assert.ok(info.incomplete);
    assert.equal(dropIn('-f', ...args).status, 1, 'its own name, its own status');
  });

  it('--dry-run writes nothing and tells everything', () => {
    const output = file('never');
    const { status, stdout } = dropIn('--dry-run', '--show-stats', '-cd31', rawDump(), output);
    assert.equal(status, 0);
    assert.ok(!existsSync(output));
    const bytes = /Write bytes {5}: (\d+)/.exec(stdout)?.[1];
    assert.equal(Number(bytes), statSync(file('direct-kdump-compressed')).size);
  });
});

describe('what is counted', () => {
  const rows = [
    'Pages filled with zero',
    'Non-private cache pages',
    'Private cache pages',
    'User process data pages',
    'Free pages',
    'Hwpoison pages',
    'Offline pages',
  ];
  const counts = (text: string): (number | undefined)[] =>
    rows.map((row) => {
      const found = new RegExp(`${row} *: 0x([0-9a-f]+)`).exec(text)?.[1];
      return found === undefined ? undefined : Number.parseInt(found, 16);
    });

  it('is the same as in the report of makedumpfile', async () => {
    const peer = await debianMakedumpfile().run(
      ['--message-level', '16', '-c', '-d', '31', rawDump(), file('counted')],
      { timeout: 5 * minutes },
    );
    const { stdout } = dropIn(
      '--message-level',
      '16',
      '--dry-run',
      '-c',
      '-d',
      '31',
      rawDump(),
      file('never'),
    );
    assert.ok(
      counts(stdout).every((count) => count !== undefined),
      stdout,
    );
    assert.deepEqual(counts(stdout), counts(peer.stdout.toString()));
  });

  it('--mem-usage says the same of the whole dump', () => {
    const { status, stdout, stderr } = vmcore('makedumpfile', '--json', '--mem-usage', rawDump());
    assert.equal(status, 0, stderr);
    const usage = JSON.parse(stdout.toString()) as Record<string, number>;
    const report = counts(
      dropIn('--message-level', '16', '--dry-run', '-c', '-d', '31', rawDump(), file('never')).stdout,
    );
    assert.deepEqual(
      [usage.zero, usage.cache, usage.cachePrivate, usage.user, usage.free],
      report.slice(0, 5),
    );
  });

  it('--vtop translates as makedumpfile does', async () => {
    const address = /^SYMBOL\(init_uts_ns\)=([0-9a-f]+)$/m.exec(open(rawDump()).vmcoreinfo ?? '')?.[1];
    const peer = await debianMakedumpfile().run(
      ['--vtop', `0x${address}`, '-d', '1', '-f', rawDump(), file('counted')],
      { timeout: 5 * minutes },
    );
    const line = new RegExp(`^${address} {2}[0-9a-f]+$`, 'm');
    const expected = line.exec(peer.stdout.toString())?.[0];
    assert.ok(expected, peer.stdout.toString());
    assert.equal(line.exec(dropIn('--vtop', `0x${address}`, rawDump()).stdout)?.[0], expected);
  });
});

describe('under its own name', () => {
  it('ends with 0 and 1, and says how it went', () => {
    const good = dropIn('-cd0', '-f', savedDump(), file('good'));
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /\nThe dumpfile is saved to .*\n\nmakedumpfile Completed\.\n$/);
    const bad = dropIn('-c', file('nowhere'), file('bad'));
    assert.equal(bad.status, 1);
    assert.match(bad.stdout, /makedumpfile Failed\.\n$/);
    assert.match(bad.stderr, /^makedumpfile: .*no such file.*\[E_FILE\]\n$/);
    assert.equal(vmcore('makedumpfile', '-c', file('empty'), file('bad')).status, 1);
    writeFileSync(file('empty'), '');
    assert.equal(dropIn('-c', file('empty'), file('bad')).status, 1);
    assert.equal(vmcore('makedumpfile', '-c', file('empty'), file('bad')).status, 5);
  });

  it('says nothing at message level 0', () => {
    const { status, stdout, stderr } = dropIn('--message-level', '0', file('nowhere'), file('bad'));
    assert.deepEqual({ status, stdout, stderr }, { status: 1, stdout: '', stderr: '' });
  });

  it('ends with 2 when the vmcoreinfo is of another kernel', () => {
    const info = open(rawDump()).vmcoreinfo ?? '';
    writeFileSync(file('other-info'), info.replace(/^OSRELEASE=.*$/m, 'OSRELEASE=5.10.0-other'));
    const { status, stderr } = dropIn('-i', file('other-info'), '-d', '31', rawDump(), file('bad'));
    assert.equal(status, 2, stderr);
    assert.match(stderr, /5\.10\.0-other/);
    assert.ok(!existsSync(file('bad')));
  });

  it('checks parameters and opens nothing with --check-params', () => {
    for (const [args, status] of [
      [['--check-params', '-ld31', '--message-level', '7', '/nowhere/in', '/nowhere/out'], 0],
      [['--check-params', '-l', '-d', '31'], 1],
      [['--check-params', '-d', '99', 'in', 'out'], 1],
      [['--check-params', '-F', '-z', '-d', '31', '/nowhere/in'], 0],
    ] as const) {
      const run = dropIn(...args);
      assert.equal(run.status, status, args.join(' '));
      assert.equal(run.stdout, '', args.join(' '));
    }
  });

  it('tells its version and its codecs, and helps', () => {
    const { status, stdout } = dropIn('-v');
    assert.equal(status, 0);
    assert.match(stdout, /^makedumpfile: version \d+\.\d+/);
    assert.match(stdout, /^zstd\tenabled$/m);
    const help = dropIn('-h');
    assert.equal(help.status, 0);
    assert.match(help.stdout, /--reassemble/);
  });
});

describe('a signal', () => {
  it('ends the work and leaves what can be read, marked incomplete', async () => {
    const output = file('stopped');
    const child = spawn(join(bin, 'makedumpfile'), ['-c', '-d', '0', rawDump(), output], { stdio: 'ignore' });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    while (!existsSync(output) || statSync(output).size < 10_000_000) {
      assert.equal(child.exitCode, null, 'too fast to be stopped');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    child.kill('SIGTERM');
    assert.equal(await ended, 1);
    const info = JSON.parse(vmcore('info', '--json', output).stdout.toString()) as { incomplete: boolean };
    assert.ok(info.incomplete);
  });
});
