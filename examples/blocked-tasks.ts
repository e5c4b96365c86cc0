/**
 * Tasks that cannot be interrupted (state D, as in "blocked for more than 120 seconds"), those that wait at the same place together, the largest
 * crowd first: the head of a traffic jam stands out.
 *
 *   node examples/blocked-tasks.ts vmcore [STATE]
 */
import { type DumpTask, openDump } from 'vmcore';

const [file, state = 'D'] = process.argv.slice(2);
if (file === undefined) throw new Error('which dump? node examples/blocked-tasks.ts FILE [STATE]');

using dump = await openDump(file);
const crowds = new Map<string, DumpTask[]>();
const tasks = dump.tasks();
for await (const task of tasks) {
  if (task.state !== state) continue;
  const stack: string[] = [];
  for await (const { symbol, module } of task.frames())
    stack.push(`  ${symbol ?? '?'}${module === undefined ? '' : ` [${module}]`}`);
  const place = stack.join('\n');
  crowds.set(place, [...(crowds.get(place) ?? []), task]);
}

for (const [stack, crowd] of [...crowds].sort(([, a], [, b]) => b.length - a.length)) {
  console.log(
    `${crowd.length} in state ${state}: ${crowd.map(({ pid, comm }) => `${comm} (${pid})`).join(', ')}`,
  );
  console.log(`${stack}\n`);
}
console.log(`${[...crowds.values()].flat().length} tasks in state ${state}`);
for (const line of tasks.missing) process.stderr.write(`missing: ${line}\n`);
