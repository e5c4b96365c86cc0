/** Pipes that their other side set to non-blocking, and readers that leave. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-streams-'));
const file = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

const module = join(import.meta.dirname, 'standard-streams.ts');
const script = (body: string): string[] => [
  '--disable-warning=ExperimentalWarning',
  '--input-type=module',
  '-e',
  `import { standardInput, standardOutput } from ${JSON.stringify(module)};\n${body}`,
];
const size = 1_000_000;
const ended = (child: ReturnType<typeof spawn>): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', resolve));

/** Opens a FIFO that somebody else opens too, once they have. */
async function openFifo(path: string, flags: number): Promise<number> {
  for (;;) {
    try {
      return openSync(path, flags | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      await setTimeout(5);
    }
  }
}

/** Until a writer has the pipe open, a reader sees its end; then it has to wait. */
async function writerIsThere(fd: number): Promise<void> {
  const nothing = (): boolean => {
    try {
      return readSync(fd, new Uint8Array(1)) === 0;
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      return false;
    }
  };
  while (nothing()) await setTimeout(5);
}

describe('standard output', () => {
  it('waits for a slow reader of a non-blocking pipe', async () => {
    const fifo = file('slow-reader');
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
    const out = openSync(file('read'), 'w');
    const reader = spawn('sh', ['-c', 'exec 3<"$1"; sleep 0.3; cat <&3', 'sh', fifo], {
      stdio: ['ignore', out, 'inherit'],
    });
    const fd = await openFifo(fifo, constants.O_WRONLY);
    const writer = spawn(
      process.execPath,
      script(`standardOutput.write(new Uint8Array(${size}).map((_, i) => i));`),
      { stdio: ['ignore', fd, 'inherit'] },
    );
    closeSync(fd);
    assert.deepEqual(await Promise.all([ended(writer), ended(reader)]), [0, 0]);
    closeSync(out);
    const bytes = readFileSync(file('read'));
    assert.equal(bytes.length, size);
    assert.ok(bytes.every((byte, i) => byte === (i & 0xff)));
  });

  it('says that the reader went away', () => {
    const body = `try { for (;;) standardOutput.write(new Uint8Array(65536)); } catch (error) { console.error(error.code); }`;
    const run = spawnSync('sh', ['-c', '"$@" | true', 'sh', process.execPath, ...script(body)]);
    assert.equal(run.stderr.toString(), 'E_IO\n');
  });
});

describe('standard input', () => {
  const count = script(`const bytes = new Uint8Array(${2 * size}); console.log(standardInput.read(bytes));`);

  it('is read to its end, whatever its pieces', () => {
    writeFileSync(file('input'), new Uint8Array(size));
    const run = spawnSync('sh', [
      '-c',
      'f=$1; shift; (cat "$f"; sleep 0.1; cat "$f") | "$@"',
      'sh',
      file('input'),
      process.execPath,
      ...count,
    ]);
    assert.equal(run.stdout.toString(), `${2 * size}\n`);
  });

  it('waits for a slow writer of a non-blocking pipe', async () => {
    const fifo = file('slow-writer');
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
    const fd = await openFifo(fifo, constants.O_RDONLY);
    const writer = spawn('sh', ['-c', 'exec >"$1"; sleep 1; echo hello', 'sh', fifo], { stdio: 'inherit' });
    await writerIsThere(fd);
    const out = openSync(file('count'), 'w');
    const reader = spawn(process.execPath, count, { stdio: [fd, out, 'inherit'] });
    closeSync(fd);
    assert.deepEqual(await Promise.all([ended(writer), ended(reader)]), [0, 0]);
    closeSync(out);
    assert.equal(readFileSync(file('count'), 'utf8'), '6\n');
  });
});
