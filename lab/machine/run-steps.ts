/** Run as root in the machine when it has booted: does the steps of the file that it is given, and tells each on the console. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { type Step, stepLine } from './step.ts';

const [file = '/etc/steps.json'] = process.argv.slice(2);
const steps = JSON.parse(readFileSync(file, 'utf8')) as readonly Step[];
for (const { name, command } of steps) {
  const [program = '', ...args] = command;
  const began = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 10 * 60_000,
  });
  const result = {
    name,
    status: status ?? -1,
    stdout: stdout ?? '',
    stderr: `${stderr ?? ''}${error === undefined ? '' : error.message}`,
    seconds: (performance.now() - began) / 1000,
  };
  writeFileSync('/dev/console', `\n${stepLine(result)}\n`);
}
