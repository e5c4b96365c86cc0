import assert from 'node:assert/strict';
import { it } from 'node:test';
import { nearNames } from './near-names.ts';

const known = ['pid', 'tgid', 'comm', '__state', 'exit_state', 'mm', 'active_mm', 'total_vm'];

for (const [typed, expected] of [
  ['state', ['__state', 'exit_state']],
  ['com', ['comm']],
  ['conm', ['comm']],
  ['tgdi', ['tgid']],
  ['total_vn', ['total_vm']],
  ['frobnicate', []],
  // Of so few letters everything is close to something.
  ['x', []],
] as const) {
  it(`${typed}: ${expected.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(nearNames(typed, known), expected);
  });
}
