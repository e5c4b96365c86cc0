/**
 * The library, its examples and the REPL on the rehearsed dump: what they say must be what the kernel logged, counted and printed itself, from a file, over HTTP
 * and out of a Blob alike.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type CrashDump, type KernelArray, type KernelObject, openDump } from '../src/library/index.ts';
import { vmcore } from './command.ts';
import { rawDump, report, savedDump, savedLog } from './rehearsal.ts';
import { failsWith } from './support/expect-error.ts';
import { type RangeServer, startRangeServer } from './support/range-server.ts';

const root = join(import.meta.dirname, '..');
const mebibyte = 2 ** 20;

function node(
  args: readonly string[],
  input = '',
): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...args],
    {
      input,
      encoding: 'utf8',
      timeout: 120_000,
    },
  );
  return { status, stdout, stderr };
}

const example = (name: string, ...args: readonly string[]): string => {
  const { status, stdout, stderr } = node([
    '--conditions=vmcore-source',
    join(root, 'examples', name),
    ...args,
  ]);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  return stdout;
};

describe('openDump', () => {
  /** What is in a dump, whichever way it comes. */
  const facts = (dump: CrashDump): unknown => ({
    log: dump.dmesg().length,
    tasks: Array.from(dump.tasks(), ({ pid, comm }) => `${pid} ${comm}`),
    modules: Array.from(dump.modules(), ({ name }) => name),
  });
  let expected: unknown;

  before(async () => {
    using dump = await openDump(savedDump());
    expected = facts(dump);
  });

  it('finds the processes, and the stack of the one that crashed the kernel', async () => {
    using dump = await openDump(savedDump());
    const tasks = dump.tasks();
    const running: string[] = [];
    for await (const task of tasks) {
      if (!task.onCpu) continue;
      const symbols: (string | undefined)[] = [];
      for await (const frame of task.frames()) symbols.push(frame.symbol);
      if (symbols.includes('sysrq_handle_crash')) running.push(task.comm);
    }
    assert.equal(running.length, 1);
    assert.ok(savedLog().includes(`Comm: ${running[0]} `), String(running[0]));
    assert.deepEqual(tasks.missing, []);
    const [task] = Array.from(dump.cpus()).flatMap((cpu) => (cpu.crashed ? [cpu.task] : []));
    assert.equal(task?.comm, running[0]);
    assert.equal(dump.task(task?.pid ?? -1)?.comm, running[0]);
  });

  it('opens a URL, a Blob, bytes', async () => {
    for (const input of [
      pathToFileURL(savedDump()),
      pathToFileURL(savedDump()).href,
      new Blob([readFileSync(savedDump())]),
      new Uint8Array(readFileSync(savedDump())),
    ]) {
      using dump = await openDump(input);
      assert.deepEqual(facts(dump), expected);
    }
  });

  it('says what is wrong with what is no dump', async () => {
    await assert.rejects(openDump(new Uint8Array(10_000)), failsWith('E_NOT_A_DUMP'));
    await assert.rejects(openDump('/no/such/file'), failsWith('E_FILE'));
  });

  it('knows variables by the names of the source', async () => {
    using dump = await openDump(savedDump());
    const { kernel } = dump;
    const release = (kernel.var('init_uts_ns').name as KernelObject).release;
    assert.equal(release, report().kernel.release);
    const online = kernel.var('__cpu_online_mask').bits as KernelArray;
    assert.equal(Number(online[0]), 2 ** kernel.cpus.length - 1);
    const place = kernel.symbolAt(kernel.symbol('panic')! + 4n);
    assert.deepEqual([place?.name, place?.offset], ['panic', 4n]);
    const names = Array.from(kernel.list('modules', 'struct module', 'list'), ({ name }) => name);
    assert.deepEqual(
      names,
      Array.from(dump.modules(), ({ name }) => name),
    );
  });
});

describe('over HTTP', () => {
  let server: RangeServer;
  before(async () => {
    server = await startRangeServer(rawDump());
  });
  after(() => server.close());

  it('the log of an unfiltered dump costs a few MiB', async () => {
    server.traffic();
    const { status, stdout, stderr } = vmcore('dmesg', `${server.origin}/dump`);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    assert.equal(stdout.toString('latin1'), vmcore('dmesg', rawDump()).stdout.toString('latin1'));
    const { bytes, requests } = server.traffic();
    assert.ok(bytes < 4 * mebibyte && requests < 40, `${bytes} bytes, ${requests} requests`);
  });

  it('all views work, and the library does', async () => {
    server.traffic();
    for (const view of ['info', 'ps', 'bt']) {
      const { status, stdout } = vmcore(view, `${server.origin}/dump`, '--json');
      assert.equal(status, 0);
      const here = vmcore(view, rawDump(), '--json').stdout.toString();
      assert.equal(stdout.toString().replaceAll(`${server.origin}/dump`, rawDump()), here);
    }
    using dump = await openDump(new URL(`${server.origin}/dump`));
    assert.equal(dump.kernel.var('init_task').comm, 'swapper/0');
    assert.ok(server.traffic().bytes < 100 * mebibyte);
  });

  it('says in a line what a server refuses', () => {
    for (const [path, status, says] of [
      ['/nowhere', 1, /no such file on the server/],
      ['/whole', 6, /does not know ranges/],
    ] as const) {
      const result = vmcore('dmesg', `${server.origin}${path}`);
      assert.equal(result.status, status);
      assert.match(result.stderr, says);
      assert.equal(result.stderr.trimEnd().split('\n').length, 1);
    }
  });
});

describe('the examples', () => {
  it('blocked-tasks: tasks of a state, by their stacks', () => {
    const idle = example('blocked-tasks.ts', savedDump(), 'I');
    assert.match(idle, /in state I: .*kworker[\s\S]*\n {2}worker_thread\n/);
    const count = Number(/^(\d+) tasks in state I$/m.exec(idle)?.[1]);
    const { tasks } = JSON.parse(vmcore('ps', savedDump(), '--json').stdout.toString()) as {
      tasks: readonly { readonly state: string; readonly pid: number }[];
    };
    assert.equal(count, tasks.filter(({ state, pid }) => state === 'I' && pid !== 0).length);
  });

  it('memory-by-command: every process with memory', () => {
    const text = example('memory-by-command.ts', savedDump());
    assert.match(text, /^ +\d+\.\d +\d+ {2}init$/m);
  });

  it('page-cache-by-filesystem: the pages of all files are those that the kernel counted', async () => {
    const rows = [...example('page-cache-by-filesystem.ts', savedDump()).matchAll(/^ *\d+ +(\d+\.\d) {2}/gm)];
    const found = rows.reduce((sum, [, size]) => sum + Number(size), 0);
    using dump = await openDump(savedDump());
    const item = dump.kernel.enumerators('enum node_stat_item').get('NR_FILE_PAGES');
    const counters = dump.kernel.var('vm_node_stat', 'atomic_long_t[64]');
    const pages = (counters[Number(item)] as KernelObject).counter;
    const counted = (Number(pages) * dump.info.pageSize) / mebibyte;
    // CPUs keep some of their counts to themselves for a while.
    assert.ok(Math.abs(found - counted) < 3, `${found} MiB found, ${counted} MiB counted`);
  });
});

describe('vmcore repl', () => {
  const repl = (input: string): ReturnType<typeof node> =>
    node([join(root, 'src/cli/main.ts'), 'repl', savedDump()], input);

  it('answers lines from a pipe, one after the other', () => {
    const input = `kernel.var("init_task").comm
let threads = 0; for await (const task of tasks()) threads++;
threads > 30
[1, 2]
  .map((n) => n * 2)
symbolAt(kernel.symbol('panic') + 4n).name
kernel.symbol('panic')
`;
    const { status, stdout, stderr } = repl(input);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    assert.deepEqual(lines.slice(0, 2), ["'swapper/0'", 'true']);
    assert.equal(lines.at(-2), "'panic'");
    assert.match(lines.at(-1)!, /^0xffffffff[0-9a-f]{8}n \/\/ panic\+0x0$/);
  });

  it('says what is wrong, goes on, and ends with a status that tells', () => {
    const { status, stdout, stderr } = repl('kernel.var("init_task").com\nno such\n1 + 1\n');
    assert.equal(stdout, '2\n');
    const [first, second] = stderr.split('\n');
    assert.match(first!, /struct task_struct has no member com; is it comm/);
    assert.match(second!, /Uncaught SyntaxError/);
    assert.equal(status, 1);
    assert.equal(repl('function f() {').status, 2);
  });
});
