/** One dump in every format that we write, filtered and not: every view gives the same answers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { vmcore } from './command.ts';
import { rawDump } from './rehearsal.ts';
import { vmcoreJson } from './support/vmcore-json.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-same-answers-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The options of makedumpfile for each, and how many files it becomes. */
const formats: Readonly<Record<string, { readonly options: readonly string[]; readonly parts?: number }>> = {
  'an ELF file with everything': { options: ['-E', '-d', '0'] },
  'an ELF file, level 31': { options: ['-E', '-d', '31'] },
  'kdump, not compressed': { options: ['-d', '31'] },
  'kdump, zlib': { options: ['-c', '-d', '31'] },
  'kdump, lzo': { options: ['-l', '-d', '31'] },
  'kdump, snappy': { options: ['-p', '-d', '31'] },
  'kdump, zstd': { options: ['-z', '-d', '31'] },
  'kdump, flattened': { options: ['-F', '-z', '-d', '31'] },
  'kdump, split in three': { options: ['-z', '-d', '31'], parts: 3 },
};

/** Makes it, and returns the files. */
function made(dump: string, name: string): string[] {
  const { options, parts = 1 } = formats[name]!;
  const output = join(folder, name.replace(/\W+/g, '-'));
  const files = parts === 1 ? [output] : Array.from({ length: parts }, (_, part) => `${output}-${part}`);
  const isFlattened = options.includes('-F');
  const split = parts === 1 ? [] : ['--split'];
  const run = vmcore('makedumpfile', '-q', ...options, ...split, dump, ...(isFlattened ? [] : files));
  assert.equal(run.status, 0, run.stderr);
  if (isFlattened) writeFileSync(output, run.stdout, { mode: 0o600 });
  return files;
}

interface Question {
  readonly command: string;
  readonly options?: readonly string[];
  /** Of processes, for commands that want some. */
  readonly pids?: readonly string[];
}

function ask(files: readonly string[], { command, options = ['--json'], pids = [] }: Question): string {
  const { status, stdout, stderr } = vmcore(command, ...options, ...files, ...pids);
  assert.equal(status, 0, stderr);
  return stdout.toString('utf8');
}

describe('the same dump', () => {
  const answers = new Map<Question, string>();

  before(() => {
    const { tasks } = vmcoreJson<{ tasks: { pid: number; kernelThread: boolean }[] }>('ps', rawDump());
    const pids = tasks.filter(({ pid, kernelThread }) => pid > 0 && !kernelThread).map(({ pid }) => `${pid}`);
    assert.ok(pids.length > 3);
    const questions: readonly Question[] = [
      { command: 'bt', options: ['--all', '--json'] },
      ...['ps', 'mod', 'mount', 'slab', 'mem', 'irq', 'runq', 'locks', 'sys'].map((command) => ({ command })),
      { command: 'files', pids },
      { command: 'vm', pids },
      { command: 'dmesg', options: [] },
    ];
    for (const question of questions) answers.set(question, ask([rawDump()], question));
  });

  for (const name of Object.keys(formats)) {
    it(`as ${name}`, () => {
      const files = made(rawDump(), name);
      try {
        for (const [question, answer] of answers)
          assert.equal(ask(files, question), answer, question.command);
      } finally {
        for (const file of files) rmSync(file);
      }
    });
  }
});
