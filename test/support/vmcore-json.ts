/** What `vmcore COMMAND --json ARGUMENTS` says. */
import assert from 'node:assert/strict';
import { vmcore } from '../command.ts';

export function vmcoreJson<T>(command: string, ...args: readonly string[]): T {
  const { status, stdout, stderr } = vmcore(command, '--json', ...args);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout.toString('utf8')) as T;
}
