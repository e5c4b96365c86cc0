/**
 * Our views of a guest's dump beside what the guest's own /proc said a moment before it went down (lab/guests/load/witness.ts; proc(5)).
 *
 * What goes on in between is little: sysrq prints the stacks of all tasks, and somebody crashes. Whoever sleeps is compared whole; what counts
 * on (allocations) within bounds that are said.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { memoryAccount } from '../../lab/guests/account.ts';
import type { CrashGuest } from '../../lab/guests/crash-guests.ts';
import type { ProcessWitness, Witness } from '../../lab/guests/load/witness.ts';
import { vmcoreJson } from './vmcore-json.ts';

interface StatLine {
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  /** Ticks of 10 ms. */
  readonly started: number;
  readonly cpu: number;
  readonly isKernelThread: boolean;
}

/** /proc/PID/stat: the name may hold anything, brackets too. */
function parseStat(text: string): StatLine {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (field: number): number => Number(fields[field - 3]);
  return {
    comm: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')),
    state: fields[0]!,
    ppid: number(4),
    started: number(22),
    cpu: number(39),
    // PF_KTHREAD (include/linux/sched.h, Linux 6.1).
    isKernelThread: (number(9) & 0x0020_0000) !== 0,
  };
}

/** /proc shows a name's blanks and backslashes, and the newlines of a comm, as escapes. */
const unescaped = (text: string): string =>
  text.replace(/\\(\d{3}|n|\\)/g, (_, code: string) =>
    code === 'n' ? '\n' : code === '\\' ? '\\' : String.fromCharCode(Number.parseInt(code, 8)),
  );

const file = (witness: Witness, path: string): string => {
  const text = witness.files[path];
  assert.ok(text !== undefined, `the witness has ${path}`);
  return text;
};
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** Those that were made to sleep; who reads /proc, who computes and who is dead are no such. */
function sleepers(witness: Witness): { name: string; pid: number; process: ProcessWitness }[] {
  return Object.entries(witness.made).flatMap(([name, pid]) => {
    const process = witness.processes[pid];
    return process === undefined || name.startsWith('busy') ? [] : [{ name, pid, process }];
  });
}

interface PsTask {
  readonly pid: number;
  readonly tgid: number;
  readonly ppid: number;
  readonly comm: string;
  readonly state: string;
  readonly cpu: number;
  readonly kernelThread: boolean;
  readonly memory: { readonly rss: number; readonly vsz: number } | null;
  readonly times: { readonly started: number };
}

function checkTasks({ dump, witness }: CrashGuest): void {
  const { tasks, missing } = vmcoreJson<{ tasks: PsTask[]; missing: string[] }>('ps', dump);
  assert.deepEqual(missing, []);
  const ours = new Map(tasks.map((task) => [task.pid, task]));
  const sleeping = new Set(sleepers(witness).map(({ pid }) => pid));
  let compared = 0;
  for (const [pid, process] of Object.entries(witness.processes)) {
    for (const [tid, { files }] of Object.entries(process.threads)) {
      if (files.stat === undefined || files.status === undefined) continue;
      const stat = parseStat(files.stat);
      const task = ours.get(Number(tid));
      // A worker of the kernel, or a helper of a script, may have ended since.
      if (task === undefined && !sleeping.has(Number(pid))) continue;
      assert.ok(task !== undefined, `${tid} ${stat.comm} is there`);
      compared++;
      const { tgid, ppid, kernelThread } = task;
      const who = `${tid} ${stat.comm}`;
      assert.deepEqual(
        { tgid, ppid, kernelThread },
        { tgid: Number(pid), ppid: stat.ppid, kernelThread: stat.isKernelThread },
        who,
      );
      // Workers of the kernel are called after what they do just now.
      if (!stat.isKernelThread)
        assert.equal(task.comm, unescaped(/^Name:\t(.*)$/m.exec(files.status)![1]!), who);
      assert.ok(
        Math.abs(task.times.started - stat.started / 100) < 0.02,
        `${who} started at ${task.times.started}`,
      );
      if (!sleeping.has(Number(pid))) continue;
      assert.deepEqual({ state: task.state, cpu: task.cpu }, { state: stat.state, cpu: stat.cpu }, who);
      const size = /^VmSize:\s+(\d+) kB$/m.exec(files.status)?.[1];
      assert.equal(task.memory?.vsz, size === undefined ? undefined : Number(size) * 1024, who);
    }
  }
  assert.ok(compared > 80, `${compared} tasks compared`);
  const { length: seen } = tasks.filter(({ pid }) => pid !== 0 && witness.processes[pid] === undefined);
  assert.ok(seen < 25, `${seen} tasks that the witness has not as processes`);
}

interface OurModule {
  readonly name: string;
  readonly base: string;
  readonly size: number;
  readonly used: number;
  readonly usedBy: readonly string[];
  readonly taints: string;
}

function checkModules({ dump, witness }: CrashGuest): void {
  const modules = vmcoreJson<OurModule[]>('mod', dump);
  const expected = linesOf(file(witness, '/proc/modules')).map((line) => {
    const [name, size, used, by, , base, taints = ''] = line.split(' ');
    return {
      name,
      base: BigInt(base!),
      size: Number(size),
      used: Number(used),
      usedBy: by === '-' ? [] : by!.split(',').slice(0, -1),
      taints: taints.replace(/[()]/g, ''),
    };
  });
  assert.ok(expected.length > 8);
  assert.deepEqual(
    modules.map(({ name, base, size, used, usedBy, taints }) => ({
      name,
      base: BigInt(base),
      size,
      used,
      usedBy,
      taints,
    })),
    expected,
  );
}

interface OurMount {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
  readonly id: number;
  /** Null for the root of a namespace, which /proc shows as its own parent. */
  readonly parentId: number | null;
}

/** Lines of /proc/PID/mountinfo, in their order. */
function checkMounts({ dump, witness }: CrashGuest): void {
  for (const name of ['sleeping', 'own-mounts']) {
    const pid = witness.made[name]!;
    const { mounts } = vmcoreJson<{ mounts: OurMount[] }>('mount', dump, `${pid}`);
    const expected = linesOf(witness.processes[pid]!.files.mountinfo!).flatMap((line) => {
      const [before, after] = line.split(' - ');
      const [id, parentId, , , target, options] = before!.split(' ');
      const [type, source] = after!.split(' ');
      // The machine's disk was unmounted after the first tasks began; a namespace of its own keeps it.
      return [
        {
          id: Number(id),
          parentId: Number(parentId),
          target: unescaped(target!),
          type: type!,
          source: unescaped(source!),
          options: options!.split(','),
        },
      ];
    });
    assert.ok(expected.length >= 12, `${expected.length} mounts`);
    // The file system below the root of all processes (nullfs, 7.1) is in no mountinfo.
    const shown = mounts.filter(({ type }) => type !== 'nullfs');
    const ours = shown.map(({ id, parentId, target, type, source, options }) => ({
      id,
      parentId: parentId ?? id,
      target,
      type,
      source,
      options,
    }));
    const byId = (a: { id: number }, b: { id: number }): number => a.id - b.id;
    assert.deepEqual(ours.toSorted(byId), expected.toSorted(byId), name);
  }
}

interface OurFile {
  readonly fd: number;
  readonly path: string;
  readonly position: number;
}

function checkFiles({ dump, witness }: CrashGuest): void {
  const chosen = sleepers(witness).filter(({ process }) => process.links.exe !== undefined);
  const { processes } = vmcoreJson<{
    processes: { pid: number; root: string; workingDirectory: string; files: OurFile[] }[];
  }>('files', dump, ...chosen.map(({ pid }) => `${pid}`));
  assert.ok(chosen.length > 18, `${chosen.length} processes`);
  for (const [index, { name, process }] of chosen.entries()) {
    const ours = processes[index]!;
    assert.equal(ours.root, process.links.root, name);
    assert.equal(ours.workingDirectory, process.links.cwd, name);
    const expected = Object.entries(process.open).map(([fd, { path, info }]) => ({
      fd: Number(fd),
      path,
      // A terminal or a pipe has none, and says 0.
      position: Number(/^pos:\t(\d+)/m.exec(info)?.[1] ?? 0),
    }));
    assert.deepEqual(
      ours.files.map(({ fd, path, position }) => ({ fd, path, position })),
      expected,
      name,
    );
  }
}

interface OurArea {
  readonly start: string;
  readonly end: string;
  readonly permissions: string;
  readonly offset: number;
  readonly name: string | null;
}

function checkAddressSpaces({ dump, witness }: CrashGuest): void {
  const chosen = sleepers(witness).filter(({ process }) => (process.files.maps ?? '') !== '');
  const { processes } = vmcoreJson<{
    processes: { addressSpace: { executable: string; areas: OurArea[] } | null }[];
  }>('vm', dump, ...chosen.map(({ pid }) => `${pid}`));
  for (const [index, { name, process }] of chosen.entries()) {
    const space = processes[index]!.addressSpace;
    assert.ok(space !== null, name);
    assert.equal(space.executable, process.links.exe, name);
    const expected = linesOf(process.files.maps!).map((line) => {
      const [, start, end, permissions, offset, path] =
        /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+\s*(.*)$/.exec(line)!;
      return {
        start: BigInt(`0x${start}`),
        end: BigInt(`0x${end}`),
        permissions,
        offset: Number.parseInt(offset!, 16),
        name: path === '' ? null : path,
      };
    });
    // x86 has a page above all address spaces that /proc shows in each of them.
    const areas = expected.filter((area) => area.name !== '[vsyscall]');
    assert.deepEqual(
      space.areas.map((area) => ({
        start: BigInt(area.start),
        end: BigInt(area.end),
        permissions: area.permissions,
        offset: area.offset,
        name: area.name === '' ? null : area.name,
      })),
      areas,
      name,
    );
  }
}

interface OurCache {
  readonly name: string;
  readonly size: number;
  readonly objectsPerSlab: number;
  readonly order: number;
  readonly slabs: number;
  readonly objects: number;
}

function checkSlabs({ dump, witness }: CrashGuest): void {
  const { caches } = vmcoreJson<{ caches: OurCache[] }>('slab', dump);
  const expected = linesOf(file(witness, '/proc/slabinfo'))
    .slice(2)
    .map((line) => {
      const [name, , objects, size, objectsPerSlab, pages, , , , , , , , , slabs] = line.split(/\s+/);
      return {
        shape: { name, size: Number(size), objectsPerSlab: Number(objectsPerSlab), pages: Number(pages) },
        slabs: Number(slabs),
        objects: Number(objects),
      };
    });
  assert.ok(expected.length > 80, `${expected.length} caches`);
  assert.deepEqual(
    caches.map(({ name, size, objectsPerSlab, order }) => ({
      name,
      size,
      objectsPerSlab,
      pages: 2 ** order,
    })),
    expected.map(({ shape }) => shape),
  );
  // Printing and crashing allocate and free a little. A cache that nobody used is the same to the last object.
  let same = 0;
  for (const [index, { shape, slabs, objects }] of expected.entries()) {
    const ours = caches[index]!;
    if (ours.slabs === slabs && ours.objects === objects) same++;
    const bound = Math.max(8, slabs * 0.05);
    assert.ok(Math.abs(ours.slabs - slabs) <= bound, `${shape.name}: ${ours.slabs} slabs, ${slabs} before`);
  }
  assert.ok(same > expected.length * 0.8, `${same} of ${expected.length} caches are just as before`);
}

/** Bytes; the rest of `vmcore mem` is by zone. */
interface OurMemory {
  readonly total: number;
  readonly free: number;
  readonly anonymous: number;
  readonly shared: number;
  readonly buffers: number;
  readonly cached: number;
  readonly mapped: number;
  readonly slab: number;
  readonly slabReclaimable: number;
  readonly kernelStack: number;
  readonly pageTables: number;
  readonly perCpu: number;
  readonly commit: { readonly limit: number; readonly committed: number };
  readonly nodes: readonly {
    readonly zones: readonly { readonly name: string; readonly managedPages: number }[];
  }[];
}

function checkMemory({ dump, log, witness }: CrashGuest): void {
  const ours = vmcoreJson<OurMemory>('mem', dump);
  const meminfo = file(witness, '/proc/meminfo');
  const said = (key: string): number => {
    const line = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(meminfo);
    assert.ok(line !== null, `meminfo has ${key}`);
    return Number(line[1]) * 1024;
  };
  assert.equal(ours.total, said('MemTotal'));
  assert.equal(ours.commit.limit, said('CommitLimit'));
  const within = (what: string, value: number, expected: number, bound: number): void =>
    assert.ok(Math.abs(value - expected) <= bound, `${what}: ${value}, ${expected} before`);
  const pageSize = 4096;
  // By sysrq m, a moment before the end. Counters of each CPU are summed up now and then.
  const account = memoryAccount(readFileSync(log, 'latin1'), pageSize);
  const little = 2 * 2 ** 20;
  // Each CPU keeps some aside.
  within('free', ours.free, account.free * pageSize, 4 * little);
  within('shared', ours.shared, account.shmem * pageSize, little);
  within('slab', ours.slab, account.slab * pageSize, little);
  // The lists hold tmpfs too.
  within('anonymous', ours.anonymous + ours.shared, account.anonymousLists * pageSize, 2 * little);
  // Whoever read /proc has grown since.
  for (const [key, value] of [
    ['Buffers', ours.buffers],
    ['Cached', ours.cached],
    ['Mapped', ours.mapped],
    ['SReclaimable', ours.slabReclaimable],
    ['KernelStack', ours.kernelStack],
    ['PageTables', ours.pageTables],
    ['Percpu', ours.perCpu],
  ] as const) {
    within(key, value, said(key), Math.max(0.2 * said(key), little));
  }
  const zones = [
    ...file(witness, '/proc/zoneinfo').matchAll(/^Node \d+, zone +(\w+)\n(?:.*\n)*? +managed +(\d+)$/gm),
  ];
  const managed = zones.map(([, name, pages]) => ({ name, managedPages: Number(pages) }));
  assert.deepEqual(
    ours.nodes.flatMap(({ zones: all }) => all.map(({ name, managedPages }) => ({ name, managedPages }))),
    managed.filter(({ managedPages }) => managedPages > 0),
  );
}

interface OurLockWait {
  readonly pid: number;
  readonly lock: {
    readonly kind: string;
    readonly name: string | null;
    readonly mode: string | null;
    readonly holder: { readonly pid: number } | null;
  } | null;
}

/** What each of them waits for, and who holds it (load/sleepers.ts, crash-module/crash_module.c). */
function checkLocks({ dump, witness }: CrashGuest): void {
  const { waiting } = vmcoreJson<{ waiting: OurLockWait[] }>('locks', dump);
  const { hold } = witness.made;
  const expected = [
    ['hold', 'completion', 'never', null, undefined],
    ['mutex', 'mutex', 'held_mutex', null, hold],
    ['rwsem-read', 'rwsem', 'held_rwsem', 'read', hold],
    ['rwsem-write', 'rwsem', 'held_rwsem', 'write', hold],
    // A semaphore knows who took it where the kernel looks for hung tasks (CONFIG_DETECT_HUNG_TASK_BLOCKER, 6.16).
    ['semaphore', 'semaphore', 'held_semaphore', null, hold],
    ['rt-mutex', 'rt_mutex', 'held_rt_mutex', null, hold],
    ['mutex-too', 'mutex', 'held_mutex', null, hold],
  ] as const;
  for (const [name, kind, symbol, mode, holder] of expected) {
    const wait = waiting.find(({ pid }) => pid === witness.made[name]);
    assert.ok(wait?.lock, `${name} waits`);
    const { lock } = wait;
    const knowsHolder = kind !== 'semaphore' || lock.holder !== null;
    assert.deepEqual(
      { kind: lock.kind, name: lock.name, mode: lock.mode, holder: lock.holder?.pid },
      { kind, name: `${symbol} [crash_module]`, mode, holder: knowsHolder ? holder : undefined },
      name,
    );
  }
}

interface OurSymbol {
  readonly name: string;
  readonly module: string | null;
  readonly address: string;
}

/** Lines of /proc/kallsyms: of the kernel a sample, of modules all. */
function checkSymbols({ dump, witness }: CrashGuest): void {
  const ours = new Set(
    vmcoreJson<OurSymbol[]>('sym', '--list', dump).map(
      ({ name, module, address }) => `${BigInt(address).toString(16)} ${name} ${module ?? ''}`,
    ),
  );
  // Assembler labels (.L) and arm64's marks of code and data ($x, $d) are no names; BPF programs and trampolines of ftrace are in no table.
  const expected = linesOf(file(witness, '/proc/kallsyms')).filter(
    (line) => !/^\S+ \S (\.L|\$[xd])|\[(bpf|__builtin__\w*)\]$/.test(line),
  );
  assert.ok(expected.length > 1000, `${expected.length} symbols`);
  const missing = expected.filter((line) => {
    const [, address, name, module] = /^([0-9a-f]+) \S (\S+)(?:\t\[(\S+)\])?$/.exec(line) ?? [];
    return !ours.has(`${BigInt(`0x${address}`).toString(16)} ${name} ${module ?? ''}`);
  });
  assert.deepEqual(missing, []);
}

interface OurRunQueue {
  readonly cpu: number;
  readonly current: { readonly pid: number; readonly comm: string };
  readonly queued: readonly { readonly pid: number }[];
}

/** Two tasks compute on CPU 1: one of them runs, the other waits. */
function checkRunQueues({ dump, witness }: CrashGuest): void {
  const { cpus } = vmcoreJson<{ cpus: OurRunQueue[] }>('runq', dump);
  assert.deepEqual(
    cpus.map(({ cpu }) => cpu),
    [0, 1],
  );
  assert.equal(cpus[0]!.current.comm, 'crasher');
  const there = [cpus[1]!.current, ...cpus[1]!.queued].map(({ pid }) => pid);
  for (const name of ['busy', 'busy-too']) assert.ok(there.includes(witness.made[name]!), name);
}

interface OurInterrupts {
  readonly irqs: readonly {
    readonly irq: number;
    readonly chip: string | null;
    readonly actions: readonly { readonly name: string }[];
    readonly counts: readonly number[];
  }[];
  readonly cpuInterrupts: readonly { readonly name: string; readonly counts: readonly number[] }[];
}

/** Lines of /proc/interrupts: a number or a name, a count for each CPU, and of a number the chip, its line and who handles it. */
function checkInterrupts({ dump, release, witness }: CrashGuest): void {
  const isArm64 = release.endsWith('arm64');
  const { irqs, cpuInterrupts } = vmcoreJson<OurInterrupts>('irq', dump);
  const cpus = 2;
  let compared = 0;
  for (const line of linesOf(file(witness, '/proc/interrupts')).slice(1)) {
    const [label = '', ...fields] = line.trim().split(/\s+/);
    const name = label.slice(0, -1);
    const counts = fields.slice(0, cpus).map(Number);
    const isNumbered = /^\d+$/.test(name);
    const ours = isNumbered
      ? irqs.find(({ irq }) => irq === Number(name))
      : cpuInterrupts.find((candidate) => candidate.name === name);
    // Those that never came are left out, and on arm64 those between CPUs have numbers of their own.
    if (ours === undefined && !isNumbered) continue;
    assert.ok(ours !== undefined, line);
    compared++;
    for (const [cpu, count] of counts.entries()) {
      const now: number = ours.counts[cpu] ?? 0;
      assert.ok(now >= count && now < count + 2000, `${line}: ${now} on CPU ${cpu}`);
    }
    if ('actions' in ours) {
      const handlers = ours.actions.map((action) => action.name).join(', ');
      assert.ok(line.endsWith(` ${handlers}`), `${line}: ${handlers}`);
      // arm64's GIC has no name in its structure: what is printed of it is made up.
      if (!isArm64) assert.ok(line.includes(` ${ours.chip} `), `${line}: ${ours.chip}`);
    }
  }
  assert.ok(compared >= 10, `${compared} interrupts`);
}

interface OurSystem {
  readonly nodename: string;
  readonly release: string;
  readonly version: string;
  readonly commandLine: string;
  readonly cpus: Readonly<Record<'possible' | 'online', readonly number[]>>;
  readonly tainted: { readonly mask: number };
  readonly uptimeSeconds: number;
}

function checkSystem({ dump, witness }: CrashGuest): void {
  const { nodename, release, version, commandLine, cpus, tainted, uptimeSeconds } = vmcoreJson<OurSystem>(
    'sys',
    dump,
  );
  const line = (path: string): string => file(witness, path).trimEnd();
  assert.deepEqual(
    { nodename, release, version, commandLine },
    {
      nodename: line('/proc/sys/kernel/hostname'),
      release: line('/proc/sys/kernel/osrelease'),
      version: line('/proc/sys/kernel/version'),
      commandLine: line('/proc/cmdline'),
    },
  );
  for (const set of ['possible', 'online'] as const)
    assert.equal(line(`/sys/devices/system/cpu/${set}`), '0-1');
  assert.deepEqual(cpus.possible, [0, 1]);
  // An arm64 CPU that is stopped takes itself off.
  assert.deepEqual(cpus.online, release.endsWith('arm64') ? [0] : [0, 1]);
  // A warning on the way down may add one.
  const before = Number(line('/proc/sys/kernel/tainted'));
  assert.equal(tainted.mask & before, before);
  const [uptime = 0] = line('/proc/uptime').split(' ').map(Number);
  assert.ok(
    uptimeSeconds >= uptime - 1 && uptimeSeconds < uptime + 120,
    `${uptimeSeconds} s, ${uptime} s before`,
  );
}

interface OurNumbers {
  readonly values: readonly string[];
}

interface OurTranslation {
  readonly physical: string;
  readonly page: string;
}

/** A variable of the module, by its virtual address and by where the page tables have it. */
function checkMemoryReads({ dump }: CrashGuest): void {
  const variable = 'crash_module_answer';
  const { values } = vmcoreJson<OurNumbers>('rd', '-32', dump, variable);
  assert.deepEqual(values, ['0x2a']);
  const { physical, page } = vmcoreJson<OurTranslation>('vtop', dump, variable);
  assert.equal(page, 'present');
  assert.deepEqual(vmcoreJson<OurNumbers>('rd', '-32', '-p', dump, physical).values, values);
}

/** The words that a process was started with, in its own memory: by the page tables of the process. */
function checkUserMemory({ dump, witness }: CrashGuest): void {
  const pid = `${witness.made.hold}`;
  const { processes } = vmcoreJson<{ processes: { addressSpace: { landmarks: Record<string, string> } }[] }>(
    'vm',
    dump,
    pid,
  );
  const start = processes[0]!.addressSpace.landmarks.arg_start!;
  const { physical } = vmcoreJson<OurTranslation>('vtop', '--pid', pid, dump, start);
  const words = '/bin/sh\0-c';
  const { values } = vmcoreJson<OurNumbers>('rd', '-8', '-p', dump, physical, `${words.length}`);
  assert.equal(String.fromCharCode(...values.map(Number)), words);
  assert.ok(witness.processes[pid]!.files.cmdline!.startsWith(words));
}

/** struct, list and pages of what other views tell the address of. */
function checkStructures({ dump, witness }: CrashGuest): void {
  const { tasks } = vmcoreJson<{ tasks: { pid: number; address: string }[] }>('ps', dump);
  const { hold } = witness.made;
  const { address } = tasks.find(({ pid }) => pid === hold)!;
  const { value } = vmcoreJson<{ value: unknown }>('struct', dump, 'task_struct.pid,comm', address);
  assert.deepEqual(value, { pid: hold, comm: 'hold' });
  const { pages } = vmcoreJson<{
    pages: { use: { kind: string; slab?: { cache: string } }; object: unknown }[];
  }>('pages', dump, address);
  assert.equal(pages[0]!.use.slab?.cache, 'task_struct');
  assert.deepEqual(pages[0]!.object, { address, offset: 0, free: false });
  const { elements } = vmcoreJson<{ elements: { value: { name: string } }[] }>(
    'list',
    ...['-H', '-o', 'module.list', '-s', 'module.name'],
    ...[dump, 'modules'],
  );
  assert.deepEqual(
    elements.map((element) => element.value.name),
    linesOf(file(witness, '/proc/modules')).map((line) => line.split(' ')[0]),
  );
}

/** Registers a test for each view. */
export function itShowsWhatTheGuestSaid(guest: () => CrashGuest): void {
  it('ps: tasks with their states, parents and when they began', () => checkTasks(guest()));
  it('mod: modules, who uses them', () => checkModules(guest()));
  it('mount: the mounts of a process, with odd names, over each other, and in a namespace of its own', () =>
    checkMounts(guest()));
  it('files: open files, deleted ones and sockets too', () => checkFiles(guest()));
  it('vm: what is where in an address space', () => checkAddressSpaces(guest()));
  it('slab: caches and their slabs', () => checkSlabs(guest()));
  it('mem: totals and zones', () => checkMemory(guest()));
  it('locks: who waits for what, and who holds it', () => checkLocks(guest()));
  it('sym: kallsyms and the symbols of modules', () => checkSymbols(guest()));
  it('runq: who computes', () => checkRunQueues(guest()));
  it('irq: interrupts, how often they came and who handles them', () => checkInterrupts(guest()));
  it('sys: the machine and its kernel', () => checkSystem(guest()));
  it('rd, vtop: a variable of a module', () => checkMemoryReads(guest()));
  it('rd, vtop: memory of a process', () => checkUserMemory(guest()));
  it('struct, list, pages: what other views tell the address of', () => checkStructures(guest()));
}

/** Of those, what is told of a kernel that has names of functions and of what it exports only (no CONFIG_KALLSYMS_ALL). */
export function itShowsWhatExportsLeadTo(guest: () => CrashGuest): void {
  it('mod: modules, who uses them', () => checkModules(guest()));
  it('mount: the mounts of a process, with odd names, over each other, and in a namespace of its own', () =>
    checkMounts(guest()));
  it('files: open files, deleted ones and sockets too', () => checkFiles(guest()));
  it('vm: what is where in an address space', () => checkAddressSpaces(guest()));
  it('slab: caches and their slabs', () => checkSlabs(guest()));
  it('sym: kallsyms and the symbols of modules', () => checkSymbols(guest()));
  it('runq: who computes', () => checkRunQueues(guest()));
  it('rd, vtop: memory of a process', () => checkUserMemory(guest()));
  it('struct, list, pages: what other views tell the address of', () => checkStructures(guest()));
  it('report, ps, mem, irq, sys: what is not known, and why', () => {
    for (const view of ['report', 'ps', 'mem', 'irq', 'sys']) {
      const { missing } = vmcoreJson<{ missing: string[] }>(view, guest().dump);
      assert.ok(missing.length > 0, view);
      for (const line of missing) assert.match(line, /functions only \(no CONFIG_KALLSYMS_ALL\)$/, view);
    }
  });
  it('report: who crashed, by the log', () => {
    const { crashed } = vmcoreJson<{ crashed: { cpu: number; comm: string } | null }>('report', guest().dump);
    assert.deepEqual([crashed?.cpu, crashed?.comm], [0, 'crasher']);
  });
}
