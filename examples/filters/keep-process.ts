/**
 * Keeps the memory of one program in a dump that has no user memory otherwise (-d 31): its arguments, its heap and its stack, but not the environment,
 * where passwords are. Of all other programs everything stays out.
 *
 *   VMCORE_KEEP=postgres vmcore makedumpfile -z -d 31 --filter examples/filters/keep-process.ts vmcore dump
 */
import type { Filter } from '../../src/tools/makedumpfile/filters/api.ts';

const wanted = process.env.VMCORE_KEEP ?? 'init';
/** Of a stack, what is in use: from the stack pointer's page up would need registers, so a fixed part from its top. */
const stackBytes = 256n * 1024n;

const keepProcess: Filter = (kernel, output) => {
  let found = 0;
  for (const task of kernel.eachTask()) {
    const mm = task.follow('mm');
    // Threads share their memory: the first one is enough.
    if (mm === undefined || task.number('pid') !== task.number('tgid') || task.string('comm') !== wanted)
      continue;
    const at = (member: string): bigint => mm.u64(member);
    output.keepUser(task, at('start_brk'), at('brk'));
    output.keepUser(task, at('start_stack') - stackBytes, at('env_end'));
    const length = Number(at('env_end') - at('env_start'));
    output.eraseUser(task, at('env_start'), length, `environment.${task.number('pid')}`);
    found++;
  }
  output.note(`${found} processes named ${wanted}`);
};
export default keepProcess;
