import assert from 'node:assert/strict';
import { it } from 'node:test';
import { findCircles } from './deadlocks.ts';

const circles = (text: string): string[] =>
  findCircles(new Map(text.split(' ').map((pair) => pair.split('>') as [string, string]))).map((circle) =>
    circle.join(''),
  );

it('tasks that wait one behind the other are no circle', () => {
  assert.deepEqual(circles('a>b b>c c>d x>c'), []);
});

it('a circle is found once, whoever waits for one in it', () => {
  assert.deepEqual(circles('x>a a>b b>c c>a y>b'), ['abc']);
});

it('several circles, one of them a task that waits for itself', () => {
  assert.deepEqual(circles('a>b b>a c>c d>c'), ['ab', 'c']);
});
