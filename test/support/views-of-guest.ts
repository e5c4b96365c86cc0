/**
 * Our views of a guest's dump beside what the guest's own /proc said a moment before it went down (lab/guests/load/witness.ts; proc(5)).
 *
 * What goes on in between is little: sysrq prints the stacks of all tasks, and somebody crashes. Whoever sleeps is compared whole; what counts
 * on (times of the processor, allocations) within bounds that are said.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { CrashGuest } from '../../lab/guests/crash-guests.ts';
import type { ProcessWitness, Witness } from '../../lab/guests/load/witness.ts';
import { vmcoreJson } from './vmcore-json.ts';

interface StatLine {
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  /** Ticks of 10 ms. */
  readonly user: number;
  readonly system: number;
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
    user: number(14),
    system: number(15),
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
  readonly times: { readonly user: number; readonly system: number; readonly started: number };
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
      // /proc scales what the ticks counted to the time that the scheduler measured (cputime_adjust(), Linux 6.1).
      const used = task.times.user + task.times.system;
      const counted = (stat.user + stat.system) / 100;
      assert.ok(Math.abs(used - counted) < 0.1, `${who} used ${used} s, ${counted} s before`);
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

/** Registers a test for each view. */
export function itShowsWhatTheGuestSaid(guest: () => CrashGuest): void {
  it('ps: tasks with their states, parents and times', () => checkTasks(guest()));
  it('mod: modules, who uses them', () => checkModules(guest()));
  it('mount: the mounts of a process, with odd names, over each other, and in a namespace of its own', () =>
    checkMounts(guest()));
  it('files: open files, deleted ones and sockets too', () => checkFiles(guest()));
  it('vm: what is where in an address space', () => checkAddressSpaces(guest()));
  it('slab: caches and their slabs', () => checkSlabs(guest()));
}
