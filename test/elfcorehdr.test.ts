/**
 * Our ELF core header beside those that others make of the same machine: Linux itself (kexec_file_load), and kexec-tools (kexec_load).
 * The guests are stopped when the header is loaded, and their RAM is looked at.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { boot } from '../lab/boots/boot.ts';
import { kexecToolsFiles } from '../lab/boots/kexec-tools.ts';
import type { GuestKernelName } from '../lab/guests/kernels.ts';
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
  const linuxMakes = async (kernel: GuestKernelName, ...parameters: string[]): Promise<string> => {
    const memoryFile = newImage(`${kernel}.img`);
    const { console } = await boot({
      kernel,
      workload: workload('tell-elfcorehdr.ts'),
      crashkernel: '256M',
      load: 'file',
      memoryFile,
      parameters,
      onLine: (line) => (line.includes('vmcore: crash ') ? 'stop' : undefined),
    });
    assert.deepEqual(ownHeader(console), loadedHeader(memoryFile, 'pc'));
    rmSync(memoryFile);
    return console;
  };

  it('is the one that Linux 6.1 makes', async () => {
    assert.doesNotMatch(await linuxMakes('6.1-x86_64'), /remark:/);
  });

  it('is the one that Linux 7.2 makes, also when it hides the addresses of its symbols', async () => {
    assert.match(
      await linuxMakes('7.2-x86_64', 'sysctl.kernel.kptr_restrict=2'),
      /remark: .*_text is hidden/,
    );
  });

  it('is the one that kexec-tools makes, without the first MiB', async () => {
    const memoryFile = newImage('kexec-tools.img');
    const { console } = await boot({
      kernel: '6.1-x86_64',
      workload: workload('load-with-kexec-tools.ts'),
      crashkernel: '256M',
      load: 'file',
      diskFiles: await kexecToolsFiles('x86_64', silentProgress),
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

describe('our ELF core header of an arm64 machine', () => {
  it('is the one that kexec-tools makes', async () => {
    const memoryFile = newImage('arm64.img');
    const { console } = await boot({
      kernel: '6.12-arm64',
      workload: workload('load-with-kexec-tools.ts'),
      crashkernel: '256M',
      load: 'load',
      diskFiles: await kexecToolsFiles('arm64', silentProgress),
      memoryFile,
      onLine: (line) => (line.includes('kexec-tools: status') ? 'stop' : undefined),
    });
    assert.match(console, /kexec-tools: status 0/);
    assert.deepEqual(ownHeader(console), loadedHeader(memoryFile, 'virt'));
    rmSync(memoryFile);
  });
});
