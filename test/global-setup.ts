/**
 * One real crash for all tests: a rehearsal on a stock Debian kernel, with its raw vmcore kept. Its folder reaches the test files through
 * the environment (test/rehearsal.ts).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rehearsalFolderVariable } from './rehearsal.ts';

/** Generous: the first run also fetches and unpacks the kernel. */
const timeout = 20 * 60_000;
let folder: string | undefined;

export function globalSetup(): void {
  folder = mkdtempSync(join(tmpdir(), 'vmcore-test-'));
  const program = join(import.meta.dirname, '..', 'bin', 'vmcore');
  const report = execFileSync(program, ['rehearse', '--raw', '--memory-image', '--json', '--keep', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout,
    encoding: 'utf8',
  });
  writeFileSync(join(folder, 'report.json'), report);
  process.env[rehearsalFolderVariable] = folder;
}

export function globalTeardown(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}
