import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { describeSystem } from './sys.ts';

const common = `
  struct spin { int lock; };
  struct seqcount { unsigned int sequence; };
  struct cpumask { unsigned long bits[1]; };
  struct taint_flag { char c_true; char c_false; bool module; };
  struct uts_namespace { char name[390]; };
`;
const base = 'struct tk_read_base { unsigned int mult; unsigned int shift; u64 xtime_nsec; long base; };';
/** 6.1: tk_core is a seqcount, and the timekeeper behind it. */
const until616 = `${common} ${base}
  struct seqcount_raw_spinlock_t { unsigned int sequence; };
  struct timekeeper { struct tk_read_base tkr_mono; long offs_real; long offs_boot; };
`;
/** 7.2: an array of them, nanoseconds in a member of their own. */
const since617 = `${common} ${base}
  struct timekeeper { struct tk_read_base tkr_mono; long offs_real; long offs_boot; unsigned int coarse_nsec; };
  struct tk_data { int seq; struct timekeeper timekeeper; struct timekeeper shadow_timekeeper; };
`;

const mono = 5_000_000_000n;
const nanoseconds = 123_456_789n;
const realOffset = 1_795_305_326_000_000_000n;
const slept = 2_000_000_000n;

function machine(text: string) {
  const made = new CKernel(new CTypes(text));
  const isNew = text === since617;
  const timekeeper = {
    'tkr_mono.base': mono,
    'tkr_mono.shift': 8,
    'tkr_mono.xtime_nsec': isNew ? 0n : (nanoseconds << 8n) | 0x7fn,
    offs_real: realOffset,
    offs_boot: slept,
    ...(isNew ? { coarse_nsec: nanoseconds } : {}),
  };
  const prefixed = Object.fromEntries(
    Object.entries(timekeeper).map(([path, value]) => [`timekeeper.${path}`, value]),
  );
  const symbols: Record<string, bigint> = {};
  if (isNew) symbols.timekeeper_data = made.place('tk_data', prefixed);
  else {
    symbols.tk_core = made.space(8 + 56);
    made.set('timekeeper', symbols.tk_core + 8n, timekeeper);
  }
  const name = new Uint8Array(390);
  ['Linux', 'node7', '6.1.0-test', '#1 SMP', 'x86_64', '(none)'].forEach((field, i) => {
    new TextEncoder().encodeInto(field, name.subarray(65 * i));
  });
  made.kernel.addInfo({ 'OFFSET(uts_namespace.name)': 0 });
  Object.assign(symbols, {
    init_uts_ns: made.place('uts_namespace', { name }),
    avenrun: made.longs(664, 70 * 2048, 0),
    nr_threads: made.longs(61),
    _totalram_pages: made.longs(180338),
    saved_command_line: made.longs(made.text('root=/dev/sda1 quiet ')),
    tainted_mask: made.longs((1 << 7) | (1 << 9)),
    __cpu_possible_mask: made.place('cpumask', { 'bits[0]': 0xf }),
    __cpu_present_mask: made.place('cpumask', { 'bits[0]': 0x7 }),
    __cpu_online_mask: made.place('cpumask', { 'bits[0]': 0x5 }),
  });
  return { made, symbols };
}

describe('the system', () => {
  for (const [release, text] of [
    ['until 6.16', until616],
    ['since 6.17', since617],
  ] as const) {
    it(`is what the kernel knew of it (timekeeper ${release})`, () => {
      const { made, symbols } = machine(text);
      const system = describeSystem(made.crashed(symbols), [
        { time: 1, caller: undefined, text: 'Kernel panic - not syncing: test' },
      ]);
      assert.deepEqual(system, {
        nodename: 'node7',
        release: '6.1.0-test',
        version: '#1 SMP',
        machine: 'x86_64',
        domainname: '(none)',
        cpus: { possible: [0, 1, 2, 3], present: [0, 1, 2], online: [0, 2] },
        loadAverage: [0.32, 70, 0],
        tasks: 61,
        memory: 180338 * 4096,
        uptimeSeconds: 7.123456789,
        bootTime: '2026-11-21T23:55:24.000Z',
        crashTime: '2026-11-21T23:55:31Z',
        panic: 'Kernel panic - not syncing: test',
        tainted: {
          mask: 640,
          letters: 'DW',
          taints: [
            { bit: 7, letter: 'D', meaning: 'the kernel died before: an oops or a BUG' },
            { bit: 9, letter: 'W', meaning: 'a warning was issued' },
          ],
        },
        commandLine: 'root=/dev/sda1 quiet',
        missing: [],
      });
    });
  }

  it('has a name also when vmcoreinfo does not tell where in its namespace that is (before 5.11)', () => {
    const { made, symbols } = machine(until616);
    delete made.kernel.info['OFFSET(uts_namespace.name)'];
    assert.equal(describeSystem(made.crashed(symbols), []).nodename, 'node7');
  });

  it('has the time of its own clock when no capture kernel wrote one down', () => {
    const { made, symbols } = machine(since617);
    delete made.kernel.info.CRASHTIME;
    assert.equal(describeSystem(made.crashed(symbols), []).crashTime, '2026-11-21T23:55:31.123Z');
  });

  it('is null where the dump does not tell, with the reason for each', () => {
    const { made } = machine(until616);
    const { missing, ...system } = describeSystem(made.crashed());
    assert.deepEqual(
      Object.entries(system).filter(([, value]) => value !== null),
      [
        ['release', '6.1.0-test'],
        ['cpus', { possible: null, present: null, online: null }],
        ['crashTime', '2026-11-21T23:55:31Z'],
      ],
    );
    assert.deepEqual(
      missing.map((line) => line.split(':')[0]),
      [
        'the name of the kernel',
        'the time',
        'the log',
        'the possible CPUs',
        'the present CPUs',
        'the online CPUs',
        'the load average',
        'the number of tasks',
        'the size of memory',
        'what the kernel is tainted with',
        'the command line',
      ],
    );
  });

  it('has the command line that the log begins with where no symbol tells, unless the log wrapped it', () => {
    const crashed = new CKernel(new CTypes(until616)).crashed();
    const said = (text: string) =>
      describeSystem(crashed, [{ time: 0, caller: undefined, text }]).commandLine;
    assert.equal(said('Kernel command line: root=/dev/sda1 quiet'), 'root=/dev/sda1 quiet');
    assert.equal(said('Kernel command line: root=/dev/sda1 \\'), null);
  });

  it('has no uptime when the page of its clock is not in the dump; a smashed clock gives some date', () => {
    const { made, symbols } = machine(until616);
    made.set('timekeeper', symbols.tk_core! + 8n, { offs_real: (1n << 63n) - 1n, offs_boot: -1n });
    assert.equal(describeSystem(made.crashed(symbols), []).bootTime, '2262-04-11T23:47:16.854Z');
    made.kernel.memory.lose(Number((symbols.tk_core! - 0xffff_8880_0000_0000n) / 4096n), 'excluded');
    const { uptimeSeconds, missing } = describeSystem(made.crashed(symbols), []);
    assert.equal(uptimeSeconds, null);
    assert.match(missing[0]!, /^.*: physical page 0x\w+ was filtered out when the dump was made$/);
  });
});
