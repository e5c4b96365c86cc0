import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registryHosts } from './check-hosts.ts';

/** Put together here, or this file would be found itself. */
const host = (...labels: string[]): string => labels.join('.');

test('hosts of registries and mirrors are found, with their lines', () => {
  const found = [
    host('deb', 'example', 'org'),
    host('registry', 'example', 'com'),
    host('ftp2', 'de', 'example', 'net'),
    host('npmexample', 'com'),
    host('pypi', 'org'),
  ];
  for (const name of found) {
    assert.deepEqual(registryHosts(`first\nfetch http://${name}/x\n`), [{ host: name, line: 2 }]);
  }
});

test('other hosts, file names and fixtures are not', () => {
  const text =
    'http://example.org https://github.com/x mirror.test debian.ts archive.ts npm.json package.json';
  assert.deepEqual(registryHosts(text), []);
});
