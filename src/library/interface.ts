/** What programs get beside openDump(), in Node and in browsers alike: described in docs/library.md. */
export { type ErrorCode, VmcoreError } from '../base/errors.ts';
export type { Vaddr } from '../base/units.ts';
export type { Frame, FrameEvidence, Stack, StackEnd } from '../kernel/stacks/frame.ts';
export type { Struct } from '../kernel/struct.ts';
export type { PlacedSymbol } from '../kernel/symbols/symbols.ts';
export type { TaskState } from '../kernel/tasks/task-state.ts';
export type { DumpInfo } from '../tools/crash/info.ts';
export type { LogRecord } from '../tools/crash/log.ts';
export type { CrashDump, TaskOptions } from './crash-dump.ts';
export type { DumpCpu } from './dump-cpu.ts';
export type { DumpKernel } from './dump-kernel.ts';
export type { DumpModule } from './dump-module.ts';
export type { DumpTask } from './dump-task.ts';
export type { DumpInput, OpenDumpOptions, OpenFileOptions } from './input.ts';
export type { Results } from './results.ts';
export type {
  AddressLike,
  AnyMembers,
  Described,
  KernelArray,
  KernelObject,
  KernelPointer,
  KernelValue,
  ValueOf,
  VariableOf,
} from './value-types.ts';
export type { Views } from './views.ts';
