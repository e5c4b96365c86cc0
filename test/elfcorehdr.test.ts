/**
 * Our ELF core header beside those that others make of the same machine: Linux itself (kexec_file_load), and kexec-tools (kexec_load).
 * The guests are stopped when the header is loaded, and their RAM is looked at. test/convert.test.ts has kexec-tools' on arm64.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { boot } from '../lab/boots/boot.ts';
import { kexecToolsFiles } from '../lab/boots/kexec-tools.ts';
import { silentProgress } from '../src/base/progress.ts';
import { cacheDir } from '../src/sys/cache-dir.ts';
import { loadedHeader, ownHeader } from './support/headers-in-memory.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(cacheDir('tests'), 'elfcorehdr-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function newImage(name: string): string {
  const path = join(folder, name);
  closeSync(openSync(path, 'wx', 0o600));
  return path;
}

const workload = (name: string): string => fileURLToPath(new URL(`../lab/boots/${name}`, import.meta.url));

describe('our ELF core header of an x86_64 machine', () => {
  it('is the one that Linux makes', async () => {
    const memoryFile = newImage('linux.img');
    const { console } = await boot({
      kernel: '6.1-x86_64',
      workload: workload('tell-elfcorehdr.ts'),
      crashkernel: '256M',
      load: 'file',
      memoryFile,
      onLine: (line) => (line.includes('vmcore: crash ') ? 'stop' : undefined),
    });
    assert.deepEqual(ownHeader(console), loadedHeader(memoryFile, 'pc'));
    rmSync(memoryFile);
  });

  it('is the one that kexec-tools makes, without the first MiB', async () => {
    const memoryFile = newImage('kexec-tools.img');
    const { console } = await boot({
      kernel: '6.1-x86_64',
      workload: workload('load-with-kexec-tools.ts'),
      crashkernel: '256M',
      load: 'file',
      diskFiles: await kexecToolsFiles(silentProgress),
      memoryFile,
      onLine: (line) => (line.includes('kexec-tools: status') ? 'stop' : undefined),
    });
    assert.match(console, /kexec-tools: status 0/);
    const theirs = loadedHeader(memoryFile, 'pc');
    // It copies the first 640 KiB to another place before the capture kernel starts. Linux does not use them since 5.5.
    const low = theirs.filter((line) => / 1000 9ec00$/.test(line));
    assert.equal(low.length, 1, theirs.join('\n'));
    assert.deepEqual(
      ownHeader(console),
      theirs.filter((line) => !low.includes(line)),
    );
    rmSync(memoryFile);
  });
});
