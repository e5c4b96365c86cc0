/**
 * Our views of a guest's memory, interrupts and system beside what its own /proc said a moment before it went down (lab/guests/load/witness.ts; proc(5)).
 *
 * What a machine was given at its start is the same to the page; what it used of it moves within bounds that are said: the log is printed in between, and
 * those who compute go on computing.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import type { CrashGuest } from '../../lab/guests/crash-guests.ts';
import type { Witness } from '../../lab/guests/load/witness.ts';
import { vmcoreJson } from './vmcore-json.ts';

const file = (witness: Witness, path: string): string => {
  const text = witness.files[path];
  assert.ok(text !== undefined, `the witness has ${path}`);
  return text;
};
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

interface OurMemory {
  readonly missing: readonly string[];
  readonly swap: { readonly total: number };
  readonly commit: { readonly limit: number };
  readonly nodes: readonly {
    readonly node: number;
    readonly zones: readonly {
      readonly name: string;
      readonly startPfn: number;
      readonly spannedPages: number;
      readonly presentPages: number;
      readonly managedPages: number;
      readonly watermarks: Readonly<Record<'min' | 'low' | 'high', number>>;
    }[];
  }[];
  readonly [bytes: string]: unknown;
}

/** Names of /proc/meminfo, and how much of all memory each may have moved by. */
const memoryNames: readonly (readonly [ours: string, theirs: string, movedBy: number])[] = [
  ['total', 'MemTotal', 0],
  ['free', 'MemFree', 0.25],
  ['available', 'MemAvailable', 0.25],
  ['anonymous', 'AnonPages', 0.25],
  ['cached', 'Cached', 0.05],
  ['buffers', 'Buffers', 0.001],
  ['shared', 'Shmem', 0.005],
  ['slab', 'Slab', 0.01],
  ['slabReclaimable', 'SReclaimable', 0.01],
  ['slabUnreclaimable', 'SUnreclaim', 0.01],
  ['kernelStack', 'KernelStack', 0.002],
  ['pageTables', 'PageTables', 0.01],
  ['vmalloc', 'VmallocUsed', 0.005],
  ['perCpu', 'Percpu', 0.001],
];

function checkMemory({ dump, witness }: CrashGuest): void {
  const memory = vmcoreJson<OurMemory>('mem', dump);
  assert.deepEqual(memory.missing, []);
  const said = new Map(
    linesOf(file(witness, '/proc/meminfo')).map((line) => {
      const [name, kibibytes] = line.split(/:\s+/);
      return [name!, Number.parseInt(kibibytes!, 10) * 1024] as const;
    }),
  );
  const total = said.get('MemTotal')!;
  for (const [ours, theirs, movedBy] of memoryNames) {
    const moved = Math.abs((memory[ours] as number) - said.get(theirs)!);
    assert.ok(moved <= total * movedBy, `${theirs} is ${said.get(theirs)}, ${ours} ${memory[ours]}`);
  }
  assert.equal(memory.swap.total, said.get('SwapTotal'));
  assert.equal(memory.commit.limit, said.get('CommitLimit'));
}

function checkZones({ dump, witness }: CrashGuest): void {
  const { nodes } = vmcoreJson<OurMemory>('mem', dump);
  const blocks = file(witness, '/proc/zoneinfo')
    .split(/^Node /m)
    .slice(1);
  const expected = blocks.flatMap((block) => {
    const [, node, zone] = /^(\d+), zone\s+(\S+)/.exec(block)!;
    const field = (name: string): number => Number(new RegExp(`^\\s+${name}\\s+(\\d+)`, 'm').exec(block)![1]);
    // Zones without memory are in /proc too.
    if (field('spanned') === 0) return [];
    return [
      {
        node: Number(node),
        name: zone,
        startPfn: field('start_pfn:'),
        spannedPages: field('spanned'),
        presentPages: field('present'),
        managedPages: field('managed'),
        watermarks: { min: field('min'), low: field('low'), high: field('high') },
      },
    ];
  });
  assert.ok(expected.length > 0);
  const ours = nodes.flatMap(({ node, zones }) =>
    zones.map(({ name, startPfn, spannedPages, presentPages, managedPages, watermarks }) => ({
      node,
      name,
      startPfn,
      spannedPages,
      presentPages,
      managedPages,
      watermarks,
    })),
  );
  assert.deepEqual(ours, expected);
}

interface OurSystem {
  readonly release: string;
  readonly version: string;
  readonly nodename: string;
  readonly commandLine: string;
  readonly uptimeSeconds: number;
  readonly loadAverage: readonly number[];
  readonly cpus: { readonly online: readonly number[]; readonly possible: readonly number[] };
  readonly tainted: { readonly mask: number; readonly letters: string };
  readonly missing: readonly string[];
}

function checkSystem({ dump, witness }: CrashGuest): void {
  const system = vmcoreJson<OurSystem>('sys', dump);
  assert.deepEqual(system.missing, []);
  const said = (path: string): string => file(witness, path).trim();
  assert.equal(system.release, said('/proc/sys/kernel/osrelease'));
  assert.equal(system.version, said('/proc/sys/kernel/version'));
  assert.equal(system.nodename, said('/proc/sys/kernel/hostname'));
  assert.equal(system.commandLine, said('/proc/cmdline'));
  assert.equal(system.tainted.mask, Number(said('/proc/sys/kernel/tainted')));
  // The module that crashes it is not signed, and of no tree.
  assert.equal(system.tainted.letters, 'OE');
  for (const mask of ['online', 'possible'] as const) {
    const range = said(`/sys/devices/system/cpu/${mask}`);
    assert.equal(`${system.cpus[mask][0]}-${system.cpus[mask].at(-1)}`, range);
  }
  const passed = system.uptimeSeconds - Number(said('/proc/uptime').split(' ')[0]);
  assert.ok(passed > 0 && passed < 60, `${passed} s went by`);
  for (const [i, load] of system.loadAverage.entries()) {
    const before = Number(said('/proc/loadavg').split(' ')[i]);
    assert.ok(Math.abs(load - before) < 4 && load > 0, `load ${load}, ${before} before`);
  }
}

interface OurIrqs {
  readonly cpus: readonly number[];
  readonly irqs: readonly {
    readonly irq: number;
    readonly chip: string | null;
    readonly hwirq: number;
    readonly name: string | null;
    readonly actions: readonly { readonly name: string }[];
    readonly counts: readonly number[];
  }[];
  readonly cpuInterrupts: readonly { readonly name: string; readonly counts: readonly number[] }[];
  readonly missing: readonly string[];
}

/** Counts only grow. */
function checkInterrupts({ dump, witness }: CrashGuest): void {
  const { cpus, irqs, cpuInterrupts, missing } = vmcoreJson<OurIrqs>('irq', dump);
  assert.deepEqual(missing, []);
  const [, ...lines] = linesOf(file(witness, '/proc/interrupts'));
  let compared = 0;
  for (const line of lines) {
    const [name = '', text = ''] = line.trim().split(/:\s*(.*)/);
    const before = text.split(/\s+/).slice(0, cpus.length).map(Number);
    const notLess = (counts: readonly number[] | undefined): void => {
      assert.ok(
        counts?.every((count, i) => count >= before[i]!) === true,
        `${name} came ${counts}, ${before} times before`,
      );
      compared++;
    };
    if (/^\d+$/.test(name)) {
      const irq = irqs.find((one) => one.irq === Number(name));
      notLess(irq?.counts);
      // "IO-APIC   2-edge      timer"
      const rest = text.split(/\s+/).slice(cpus.length).join(' ');
      const handlers = irq?.actions.map((action) => action.name).join(', ');
      assert.equal(`${irq?.chip} ${irq?.hwirq}-${irq?.name} ${handlers}`, rest);
    } else if (before.length === cpus.length && before.every((count) => !Number.isNaN(count)))
      notLess(cpuInterrupts.find((one) => one.name === name)?.counts);
  }
  assert.ok(compared > 20, `${compared} lines`);
}

interface OurReport {
  readonly panic: { readonly message: string } | null;
  readonly crashed: {
    readonly cpu: number;
    readonly comm: string;
    readonly frames: readonly object[];
  } | null;
  readonly cpus: readonly { readonly doing: string | null }[];
  readonly log: readonly { readonly text: string }[];
  readonly missing: readonly string[];
}

/** What led to it stands in the log that the guest printed; who did it is the one who was made to. */
function checkReport({ dump, log }: CrashGuest, crasher: string): void {
  const report = vmcoreJson<OurReport>('report', dump);
  assert.deepEqual(report.missing, []);
  assert.ok(report.panic !== null && readFileSync(log, 'latin1').includes(report.panic.message));
  assert.equal(report.crashed?.comm, crasher);
  assert.ok(report.crashed.frames.length > 3);
  assert.equal(report.cpus.length, 2);
  for (const { doing } of report.cpus) assert.ok(doing !== null);
  assert.equal(report.log.at(-1)?.text.trimEnd(), report.panic.message);
}

/** Registers a test for each view. `crasher`: the name of the task that crashes. */
export function itTellsOfMemoryAsTheGuestDid(guest: () => CrashGuest, crasher: string): void {
  it('mem: as /proc/meminfo', () => checkMemory(guest()));
  it('mem: zones as /proc/zoneinfo', () => checkZones(guest()));
  it('sys: the machine, its kernel and how it fared', () => checkSystem(guest()));
  it('irq: as /proc/interrupts', () => checkInterrupts(guest()));
  it('report: why, and who', () => checkReport(guest(), crasher));
}
