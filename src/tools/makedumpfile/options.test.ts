/** makedumpfile(8)'s command lines, and what is refused of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { type CreateAction, parseMakedumpfileLine } from './options.ts';

const parse = (line: string) => parseMakedumpfileLine(line.split(' ').filter((word) => word !== ''));
function create(line: string): CreateAction {
  const { action } = parse(line);
  assert.equal(action.kind, 'create');
  return action as CreateAction;
}

describe('a line that makes a dump', () => {
  it('names vmcore and dump file, and stores all pages when nothing else is said', () => {
    assert.deepEqual(create('in out'), {
      kind: 'create',
      vmcore: 'in',
      destination: { kind: 'file', path: 'out' },
      levels: [0],
      format: { kind: 'kdump', codec: undefined },
      sizeLimit: undefined,
      kernel: { kind: 'vmcore' },
      tuning: { threads: undefined, bitmapBytes: undefined, splitBlock: undefined },
      filters: { modules: [], eraseConfig: undefined },
      excludeVmemmap: false,
      vtop: undefined,
    });
  });

  it('chooses the format', () => {
    const codec = (line: string) => {
      const { format } = create(line);
      return format.kind === 'kdump' ? format.codec : format.kind;
    };
    assert.deepEqual(['-c in out', '-l in out', '-pd31 in out', 'in -z out', '-E in out'].map(codec), [
      'zlib',
      'lzo',
      'snappy',
      'zstd',
      'elf',
    ]);
  });

  it('has levels, one or several', () => {
    assert.deepEqual(create('-d 31 in out').levels, [31]);
    assert.deepEqual(create('-ld11,31 in out').levels, [11, 31]);
    for (const bad of ['32', '-1', 'x', '', '1,,2', '31,', '0x1f', '1.5']) {
      assert.throws(
        () => parseMakedumpfileLine(['-d', bad, 'in', 'out']),
        failsWith('E_USAGE', /not a dump level/),
        bad,
      );
    }
  });

  it('goes into a file, several, a pipe or nowhere', () => {
    assert.deepEqual(create('-F in').destination, { kind: 'flattened' });
    assert.deepEqual(create('--split in a b c').destination, { kind: 'split', paths: ['a', 'b', 'c'] });
    assert.deepEqual(create('--dry-run in out').destination, { kind: 'nowhere' });
    assert.deepEqual(create('--dry-run -F in').destination, { kind: 'nowhere' });
  });

  it('has a size limit in bytes or with a unit', () => {
    assert.equal(create('-L 5000 in out').sizeLimit, 5000);
    assert.equal(create('-L2G in out').sizeLimit, 2 ** 31);
    for (const bad of ['0', 'x', '-5', '1Q']) {
      assert.throws(() => parseMakedumpfileLine(['-L', bad, 'in', 'out']), failsWith('E_USAGE', /-L/), bad);
    }
  });

  it('tells where the kernel is described', () => {
    assert.deepEqual(create('-x vmlinux in out').kernel, { kind: 'vmlinux', path: 'vmlinux' });
    assert.deepEqual(create('-i info in out').kernel, { kind: 'vmcoreinfo', path: 'info' });
    assert.throws(() => parse('-x vmlinux -i info in out'), failsWith('E_USAGE', /'-i'.*'-x'/));
  });

  it('tunes what does not change the pages', () => {
    assert.deepEqual(create('--num-threads 4 --cyclic-buffer 64 in out').tuning, {
      threads: 4,
      bitmapBytes: 65536,
      splitBlock: undefined,
    });
    assert.equal(create('--split --splitblock-size=1024 in a b').tuning.splitBlock, 2 ** 20);
    create('--non-cyclic --work-dir /tmp -b 8 in out');
    assert.equal(parse('in out').access, 'map');
    assert.equal(parse('--non-mmap in out').access, 'read');
    for (const bad of [
      '--num-threads x',
      '--num-threads -1',
      '--cyclic-buffer 0',
      '-b x',
      '--splitblock-size 0',
    ]) {
      assert.throws(() => parse(`${bad} in out`), failsWith('E_USAGE', /is not a value for/), bad);
    }
  });

  it('filters further', () => {
    const { filters, excludeVmemmap } = create(
      '-x v --filter a.ts --filter b.ts --config c -e --work-dir /t in out',
    );
    assert.deepEqual(filters, { modules: ['a.ts', 'b.ts'], eraseConfig: 'c' });
    assert.ok(excludeVmemmap);
    assert.throws(() => parse('-e in out'), failsWith('E_USAGE', /-e needs --work-dir/));
  });

  it('translates an address on the way, or does only that', () => {
    assert.equal(create('--vtop 0xffffffff81000000 in out').vtop, 0xffff_ffff_8100_0000n);
    assert.equal(create('--vtop ffffffff81000000 in out').vtop, 0xffff_ffff_8100_0000n);
    assert.deepEqual(parse('--vtop 4096 in').action, {
      kind: 'vtop',
      vmcore: 'in',
      address: 4096n,
      kernel: { kind: 'vmcore' },
    });
    assert.throws(() => parse('--vtop here in out'), failsWith('E_USAGE', /not an address/));
  });

  it('is refused when its parts do not go together', () => {
    const cases: [string, RegExp][] = [
      ['', /missing argument VMCORE/],
      ['in', /missing argument DUMPFILE/],
      ['in out more', /unexpected "more"/],
      ['-F in out', /unexpected "out"/],
      ['--split in out', /missing argument DUMPFILE2/],
      ['-c -z in out', /'-c'.*'-z'/],
      ['-E -p in out', /'-p'.*'-E'/],
      ['-F --split in a b', /'-F'.*'--split'/],
      ['-E --split in a b', /'-E'.*'--split'/],
      ['-E --num-threads 2 in out', /'-E'.*'--num-threads'/],
      ['--split --num-threads 2 in a b', /'--split'.*'--num-threads'/],
      ['--partial-dmesg in out', /--partial-dmesg only/],
      ['--nonsense in out', /unknown option --nonsense/],
    ];
    for (const [line, pattern] of cases)
      assert.throws(() => parse(line), failsWith('E_USAGE', pattern), line);
  });
});

describe('other lines', () => {
  it('are known by their option', () => {
    assert.deepEqual(parse('-h').action, { kind: 'help' });
    assert.deepEqual(parse('--help in').action, { kind: 'help' });
    assert.deepEqual(parse('-v').action, { kind: 'version' });
    assert.deepEqual(parse('-R out').action, { kind: 'rearrange', output: 'out' });
    assert.deepEqual(parse('--reassemble a b out').action, {
      kind: 'reassemble',
      parts: ['a', 'b'],
      output: 'out',
    });
    assert.deepEqual(parse('-g info -x vmlinux').action, {
      kind: 'generate-vmcoreinfo',
      output: 'info',
      vmlinux: 'vmlinux',
    });
    assert.deepEqual(parse('--mem-usage /proc/kcore').action, {
      kind: 'mem-usage',
      memory: '/proc/kcore',
      kernel: { kind: 'vmcore' },
    });
    assert.deepEqual(parse('--dump-dmesg --partial-dmesg -L 1M in log').action, {
      kind: 'dump-dmesg',
      vmcore: 'in',
      output: 'log',
      from: 'last-clear',
      sizeLimit: 2 ** 20,
      kernel: { kind: 'vmcore' },
    });
  });

  it('are refused with options of making a dump', () => {
    for (const line of [
      '-R -c out',
      '-R -d 31 out',
      '-R',
      '-R a b',
      '--reassemble out',
      '--reassemble -E a b out',
      '--reassemble --dry-run a b out',
      '-g info',
      '-g info -x vmlinux out',
      '-g info -x vmlinux --dry-run',
      '--dump-dmesg --dry-run in log',
      '--dump-dmesg in',
      '--mem-usage',
    ]) {
      assert.throws(() => parse(line), failsWith('E_USAGE'), line);
    }
  });

  it('of Xen, sadump, eppic and extensions name what to use', () => {
    for (const [line, hint] of [
      ['-X in out', /distribution/],
      ['--xen-syms s in out', /distribution/],
      ['--xen-vmcoreinfo i in out', /distribution/],
      ['--xen_phys_start 0x1000 in out', /distribution/],
      ['--diskset=a --diskset=b out', /distribution/],
      ['--eppic m in out', /--filter/],
      ['--extension x.so in out', /--filter/],
    ] as const) {
      assert.throws(
        () => parse(line),
        (error) =>
          failsWith('E_UNSUPPORTED', /not supported/)(error) && hint.test((error as { hint: string }).hint),
        line,
      );
    }
  });
});

describe('messages', () => {
  const level = (line: string): number => parse(`${line} in out`).messages;
  it('are progress, common and errors when nothing is said', () => assert.equal(level(''), 7));
  it('are what the level says, and more with -D and --show-stats', () => {
    assert.equal(level('--message-level 0'), 0);
    assert.equal(level('--message-level=31'), 31);
    assert.equal(level('-D'), 15);
    assert.equal(level('--show-stats'), 23);
    assert.equal(level('--message-level 4 --show-stats'), 20);
    assert.equal(level('-q'), 4);
    assert.throws(() => level('--message-level 32'), failsWith('E_USAGE', /"32"/));
  });
  it('are the usual ones when only the line is checked', () => {
    const { checkOnly, messages } = parse('--check-params -D --message-level 31 -ld31 in out');
    assert.ok(checkOnly);
    assert.equal(messages, 7);
    assert.throws(() => parse('--check-params -d 99 in out'), failsWith('E_USAGE'));
  });
});
