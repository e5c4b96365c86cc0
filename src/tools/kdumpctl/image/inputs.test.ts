import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedInputs, textInput } from './inputs.ts';

test('what has changed is said in words', () => {
  const before = [
    textInput('the configuration', 'a'),
    textInput('the module ext4', 'b'),
    textInput('/etc/x', 'c'),
  ];
  const now = [
    textInput('the configuration', 'a2'),
    textInput('the module ext4', 'b'),
    textInput('the module xfs', 'd'),
  ];
  assert.deepEqual(changedInputs(before, before), []);
  assert.deepEqual(changedInputs(before, now), [
    'the configuration has changed',
    'the module xfs is new',
    '/etc/x is not needed any more',
  ]);
});
