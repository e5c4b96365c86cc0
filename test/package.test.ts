/**
 * The npm package: packed, installed in an empty folder without a registry, imported by a program that the compiler checks with the package's own types,
 * and its command run.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { report, savedDump } from './rehearsal.ts';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'vmcore-package-'));
after(() => rmSync(folder, { recursive: true }));

/** As a user would run it: no option of this test run is handed on. */
const env = {
  ...process.env,
  NODE_OPTIONS: '',
  PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
};
const run = (program: string, args: readonly string[], cwd: string): string =>
  execFileSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  });

const program = `
import { type CrashDump, type DumpTask, openDump, VmcoreError } from 'vmcore';
import type { task_struct } from './kernel.ts';

const dump: CrashDump = await openDump(process.argv[2] ?? '');
const tasks: DumpTask[] = await Array.fromAsync(dump.tasks());
const init = tasks.find(({ pid }) => pid === 1);
const symbols = Array.from(init?.frames() ?? [], ({ symbol }) => symbol);
const swapper = dump.kernel.read<task_struct>('struct task_struct', dump.kernel.symbol('init_task') ?? 0n);
const idle: string = swapper.comm.toUpperCase();
const first = dump.kernel.containerOf<task_struct>(swapper.tasks.next ?? 0n, 'struct task_struct', 'tasks');
const total: bigint | undefined = first.mm?.total_vm;
let code = '';
try {
  dump.kernel.object('struct nothing', 0n);
} catch (error) {
  if (error instanceof VmcoreError) code = error.code;
}
const { release, panic } = dump.info;
console.log(JSON.stringify({ release, panic, tasks: tasks.length, comm: init?.comm, symbols, idle, first: first.comm, pages: Number(total), code }));
dump.close();
`;

describe('the package', () => {
  mkdirSync(join(folder, 'user'));
  const user = join(folder, 'user');

  it('is packed with what it needs, and installs without a registry', () => {
    run('npm', ['pack', '--silent', '--pack-destination', folder], root);
    const [packed] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    assert.ok(packed !== undefined);
    writeFileSync(join(user, 'package.json'), '{ "type": "module", "private": true }');
    // Node itself is the one optional package; here it is there.
    run(
      'npm',
      ['install', '--offline', '--omit=optional', '--no-audit', '--no-fund', join('..', packed)],
      user,
    );
    assert.deepEqual(
      readdirSync(join(user, 'node_modules')).filter((name) => !name.startsWith('.')),
      ['vmcore'],
    );
  });

  it('has types that a strict program is checked with, and makes those of the kernel', () => {
    const declare =
      "console.log(kernel.typescript('struct task_struct', 'struct mm_struct', 'struct list_head'))";
    const declared = execFileSync(join(user, 'node_modules/.bin/vmcore'), ['repl', savedDump()], {
      env,
      input: declare,
      encoding: 'utf8',
    });
    writeFileSync(join(user, 'kernel.ts'), declared);
    writeFileSync(join(user, 'program.ts'), program);
    const options = {
      compilerOptions: {
        target: 'es2024',
        lib: ['es2024', 'esnext'],
        module: 'nodenext',
        strict: true,
        noEmit: true,
        allowImportingTsExtensions: true,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: ['program.ts'],
    };
    writeFileSync(join(user, 'tsconfig.json'), JSON.stringify(options));
    run('tsc', ['-p', '.'], user);
  });

  it('opens a dump', () => {
    const told = JSON.parse(run('node', ['program.ts', savedDump()], user)) as Record<string, unknown>;
    assert.equal(told.release, report().kernel.release);
    assert.match(String(told.panic), /sysrq triggered crash/);
    assert.ok(Number(told.tasks) > 30);
    assert.equal(told.comm, 'init');
    assert.ok(Array.isArray(told.symbols) && told.symbols.includes('panic'), String(told.symbols));
    assert.deepEqual([told.idle, told.first, told.code], ['SWAPPER/0', 'init', 'E_NO_INFO']);
    assert.ok(Number(told.pages) > 0);
  });

  it('has a library for browsers that asks for nothing of Node', () => {
    const browser = readFileSync(join(user, 'node_modules/vmcore/dist/browser.js'), 'utf8');
    assert.deepEqual(browser.match(/.*["']node:.*/g), null);
  });

  it('has the command', () => {
    const info = run(join(user, 'node_modules/.bin/vmcore'), ['info', savedDump()], user);
    assert.ok(info.includes(String(report().kernel.release)), info);
    const rehearse = (): string => run(join(user, 'node_modules/.bin/vmcore'), ['rehearse'], user);
    assert.throws(rehearse, { status: 6 });
  });
});
