import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBefore } from './machine-plan.ts';

test('releases compare by their numbers', () => {
  assert.equal(isBefore('4.18.0-553.el8_10.x86_64', 5, 5), true);
  assert.equal(isBefore('5.4.0-216-generic', 5, 5), true);
  assert.equal(isBefore('5.5.0', 5, 5), false);
  assert.equal(isBefore('5.10.0-35-amd64', 5, 5), false);
  assert.equal(isBefore('6.1.0-50-amd64', 5, 5), false);
});
