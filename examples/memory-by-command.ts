/**
 * Who had the memory: resident memory of all processes by command, the most first. Pages that several processes share count for each of them.
 *
 *   node examples/memory-by-command.ts vmcore
 */
import { openDump } from 'vmcore';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('which dump? node examples/memory-by-command.ts FILE');

using dump = await openDump(file);
const { tasks, missing } = dump.views.ps();
const commands = new Map<string, { processes: number; resident: number }>();
for (const { pid, tgid, comm, memory } of tasks) {
  // Threads have the memory of their process.
  if (memory === null || pid !== tgid) continue;
  const { processes, resident } = commands.get(comm) ?? { processes: 0, resident: 0 };
  commands.set(comm, { processes: processes + 1, resident: resident + memory.rss });
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1).padStart(10);
console.log('       MiB  processes  command');
for (const [comm, { processes, resident }] of [...commands].sort(([, a], [, b]) => b.resident - a.resident))
  console.log(`${mebibytes(resident)}  ${String(processes).padStart(9)}  ${comm}`);
for (const line of missing) process.stderr.write(`missing: ${line}\n`);
