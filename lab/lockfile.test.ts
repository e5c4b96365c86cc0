import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complete, type Lockfile, missingEntries, resolvedEntries } from './lockfile.ts';

const lock: Lockfile = {
  packages: {
    '': { version: '1.0.0' },
    'node_modules/tool': {
      version: '2.0.0',
      dev: true,
      optionalDependencies: { '@x/tool-linux-x64-musl': '2.0.0', '@x/tool-linux-x64': '2.0.0' },
    },
    'node_modules/@x/tool-linux-x64': { version: '2.0.0', resolved: 'somewhere' },
  },
};

test('an optional package without an entry is found, and one with an entry is not', () => {
  assert.deepEqual(
    missingEntries(lock).map((missing) => missing.path),
    ['node_modules/@x/tool-linux-x64-musl'],
  );
  assert.deepEqual(missingEntries(complete(lock)), []);
});

test('a completed entry carries the platform of its name, so that npm does not install it elsewhere', () => {
  assert.deepEqual(complete(lock).packages['node_modules/@x/tool-linux-x64-musl'], {
    version: '2.0.0',
    cpu: ['x64'],
    dev: true,
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  });
});

test('a name without a platform is refused, not guessed', () => {
  assert.throws(
    () => complete({ packages: { 'node_modules/a': { optionalDependencies: { b: '1.0.0' } } } }),
    /does not say a platform/,
  );
});

test('an entry that says where it was downloaded is found', () => {
  assert.deepEqual(resolvedEntries(lock), ['node_modules/@x/tool-linux-x64']);
});
