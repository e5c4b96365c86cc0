import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runtimeOf, writeStripped } from './elf-runtime.ts';

test('the stripped node is smaller and still runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-strip-'));
  try {
    const stripped = join(folder, 'node');
    writeStripped(process.execPath, stripped);
    assert.ok(statSync(stripped).size < statSync(process.execPath).size);
    assert.equal(
      execFileSync(stripped, ['-p', 'process.version'], { encoding: 'utf8' }).trim(),
      process.version,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('loader and libraries of node are found', () => {
  const runtime = runtimeOf(process.execPath);
  assert.ok(existsSync(runtime.loader));
  for (const name of ['libc.so.6', 'libm.so.6', 'libstdc++.so.6', 'libgcc_s.so.1']) {
    assert.ok(runtime.libraries.has(name), name);
  }
  for (const path of runtime.libraries.values()) assert.ok(existsSync(path), path);
});

test('what is no program is refused', () => {
  assert.throws(() => runtimeOf(import.meta.filename), { code: 'E_UNSUPPORTED' });
});
