import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { Command } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { runProgram } from './program.ts';

let stderr: string;
let stdout: string;
beforeEach(() => {
  stderr = '';
  stdout = '';
  mock.method(process.stderr, 'write', (text: string) => {
    stderr += text;
    return true;
  });
  mock.method(process.stdout, 'write', (text: string) => {
    stdout += text;
    return true;
  });
});
afterEach(() => {
  mock.restoreAll();
  process.exitCode = undefined;
});

/** Runs a program with one command, and returns its exit status. */
async function run(
  args: readonly string[],
  action: () => void | Promise<void> = () => {},
): Promise<number | undefined> {
  const program = new Command('vmcore')
    .version('1.2.3')
    .addCommand(new Command('info').argument('<file>').option('--json').action(action));
  await runProgram(program, args);
  return process.exitCode as number | undefined;
}
const throwing = (error: unknown) => () => {
  throw error;
};

describe('the end of every command', () => {
  it('is quiet when all went well', async () => {
    assert.equal(await run(['info', 'x']), undefined);
    assert.equal(stderr, '');
  });

  it('is one line and the exit status of its class when it failed', async () => {
    const error = new VmcoreError('E_CORRUPT', 'a block size\nof 3 bytes', {
      file: 'vmcore',
      hint: 'copy it again',
    });
    assert.equal(await run(['info', 'x'], throwing(error)), 5);
    assert.equal(stderr, 'vmcore: vmcore: a block size of 3 bytes; copy it again [E_CORRUPT]\n');
    assert.equal(stdout, '');
  });

  it('is the same for a command that takes its time', async () => {
    const error = new VmcoreError('E_NO_SPACE', 'full');
    assert.equal(await run(['info', 'x'], () => Promise.reject(error)), 4);
    assert.equal(stderr, 'vmcore: full [E_NO_SPACE]\n');
  });

  it('tells a bug as what it is, with its stack', async () => {
    assert.equal(await run(['info', 'x'], throwing(new TypeError('oops'))), 1);
    assert.match(stderr, /this is a bug in vmcore, please report it:\nTypeError: oops\n {4}at /);
  });

  it('tells wrong usage in one line, and where help is', async () => {
    for (const [args, what] of [
      [['info'], /missing required argument 'file'/],
      [['info', '--jsno', 'x'], /unknown option '--jsno'/],
      [['inof', 'x'], /unknown command 'inof'/],
    ] as const) {
      stderr = '';
      assert.equal(await run(args), 2);
      assert.match(stderr, what);
      assert.match(stderr, /^vmcore: [^\n]*; see vmcore --help \[E_USAGE\]\n$/);
    }
  });

  it('is no failure when help or the version was asked for', async () => {
    for (const [args, what] of [
      [['--help'], /Usage: vmcore/],
      [['info', '--help'], /Usage: vmcore info/],
      [['--version'], /^1\.2\.3\n$/],
    ] as const) {
      stdout = '';
      process.exitCode = undefined;
      assert.equal((await run(args)) ?? 0, 0);
      assert.match(stdout, what);
      assert.equal(stderr, '');
    }
  });
});
