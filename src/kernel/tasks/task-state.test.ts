import assert from 'node:assert/strict';
import { it } from 'node:test';
import { taskState } from './task-state.ts';

/** __state, exit_state: the letter. */
const states = [
  [0, 0, 'R'],
  [0x1, 0, 'S'],
  [0x2, 0, 'D'],
  [0x102, 0, 'D'],
  [0x4, 0, 'T'],
  [0x8, 0, 't'],
  [0x80, 0x10, 'X'],
  [0x80, 0x20, 'Z'],
  [0x40, 0, 'P'],
  [0x402, 0, 'I'],
  // TASK_FREEZABLE beside TASK_IDLE, TASK_FROZEN and TASK_RTLOCK_WAIT alone.
  [0x2402, 0, 'I'],
  [0x8000, 0, 'D'],
  [0x1000, 0, 'D'],
  // TASK_NEW.
  [0x800, 0, 'R'],
  [0x402, 0x20, 'Z'],
] as const;

for (const [state, exit, letter] of states)
  it(`state 0x${state.toString(16)}, exit state 0x${exit.toString(16)} is ${letter}`, () => {
    assert.equal(taskState(state, exit), letter);
  });
