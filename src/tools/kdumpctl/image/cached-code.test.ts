import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from './bundle.ts';
import { bundleName, cacheName } from './cached-code.ts';
import { nodeOptions } from './node-options.ts';
import { makeCodeCache, ownCode } from './squashfs.ts';

const entry = fileURLToPath(new URL('../../../cli/capture.ts', import.meta.url));

describe('the save of a capture image', () => {
  let folder = '';
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vmcore-save-'));
    for (const { name, source, format } of ownCode(entry)) {
      await bundleProgram(source, join(folder, name), format);
    }
    await makeCodeCache(process.execPath, folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  const run = (script: string, options: readonly string[] = nodeOptions) =>
    spawnSync(process.execPath, [...options, ...script.split(' ')], { encoding: 'utf8', cwd: folder });

  /** Does V8 take the cache? */
  const isTaken = (options: readonly string[]): string => {
    const file = join(folder, 'tell.ts');
    const module = new URL('./cached-code.ts', import.meta.url).href;
    writeFileSync(
      file,
      `import { readFileSync } from 'node:fs';
       import { compileProgram } from ${JSON.stringify(module)};
       const script = compileProgram(${JSON.stringify(folder)}, readFileSync(${JSON.stringify(join(folder, cacheName))}));
       process.stdout.write(String(script.cachedDataRejected));`,
    );
    return run(file, options).stdout;
  };

  it('has a code cache that fits the flags it is started with, and no others', () => {
    assert.equal(isTaken(nodeOptions), 'false');
    assert.equal(isTaken(['--single-threaded', '--optimize-for-size']), 'true');
  });

  it("is started with flags that node's own code cache fits, too", () => {
    const tell = `
      const { internalBinding } = require('internal/test/binding');
      for (const name of ['vm', 'zlib', 'child_process', 'net']) require(name);
      process.stdout.write(String(internalBinding('builtins').getCacheUsage().compiledWithoutCache.size));`;
    const untaken = (options: readonly string[]): number =>
      Number(
        spawnSync(process.execPath, [...options, '--expose-internals', '-e', tell], { encoding: 'utf8' })
          .stdout,
      );
    assert.equal(untaken(nodeOptions), 0);
    assert.ok(untaken([...nodeOptions, '--no-sparkplug']) > 10);
  });

  it('holds the compilers of V8 back', () => {
    const hot = 'let sum = 0; const add = (i) => { sum += i; }; for (let i = 0; i < 50000; i++) add(i);';
    const module = new URL('./node-options.ts', import.meta.url).href;
    const compiled = (first: string): boolean => {
      const file = join(folder, 'hot.mjs');
      writeFileSync(file, `import { holdCompilersBack } from ${JSON.stringify(module)};\n${first}\n${hot}`);
      return /compiling method .*<JSFunction add /.test(run(file, ['--trace-opt']).stdout);
    };
    assert.ok(compiled(''));
    assert.ok(!compiled('holdCompilersBack();'));
  });

  it('starts with its cache, with a broken one and with none', () => {
    const wrong = 'start-save.cjs --attempt none';
    const line =
      'vmcore: save: --attempt none: it is one of first, again, rootfs; see vmcore save --help [E_USAGE]\n';
    assert.deepEqual([run(wrong).status, run(wrong).stderr], [2, line]);
    const kept = readFileSync(join(folder, cacheName));
    writeFileSync(join(folder, cacheName), kept.subarray(0, 1000));
    assert.deepEqual([run(wrong).status, run(wrong).stderr], [2, line]);
    rmSync(join(folder, cacheName));
    assert.deepEqual([run(wrong).status, run(wrong).stderr], [2, line]);
    writeFileSync(join(folder, cacheName), kept);
  });

  it('is ASCII, and loads none of node that a save may do without', () => {
    const code = readFileSync(join(folder, bundleName), 'utf8');
    assert.doesNotMatch(code, /[^\0-\x7f]/);
    const required = new Set([...code.matchAll(/require\("node:([^"]+)"\)/g)].map(([, name]) => name));
    for (const late of ['child_process', 'net', 'worker_threads', 'crypto', 'dgram', 'zlib', 'perf_hooks']) {
      assert.ok(!required.has(late), late);
    }
  });
});
