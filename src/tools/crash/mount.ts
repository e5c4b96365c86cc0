/** The `mount` view: the mounts that init sees, or another process. */
import { VmcoreError } from '../../base/errors.ts';
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import type { Struct } from '../../kernel/struct.ts';
import { type Mount, mountNamespace, readMounts } from '../../kernel/vfs/mounts.ts';
import { requireTask } from './require-task.ts';

export interface MountInfo {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
  readonly id: number;
  /** null for the root of the tree. */
  readonly parentId: number | null;
  /** Of its struct mount. */
  readonly address: string;
}

export interface MountList {
  readonly mounts: readonly MountInfo[];
  readonly missing: readonly string[];
}

/** Of the mount namespace of a process; of the first one when no `pid` is given. E_USAGE when there is no such process, or it has no mounts any more. */
export function listMounts(crashed: CrashedKernel, pid?: number): MountList {
  const missing = new Missing();
  const task =
    pid === undefined
      ? crashed.global('init_task', 'task_struct')
      : requireTask(crashed, pid, missing).struct;
  const mounts = [...readMounts(crashed, namespaceOf(task), missing)].map(mountInfo);
  return { mounts, missing: missing.lines };
}

function namespaceOf(task: Struct): Struct {
  const namespace = mountNamespace(task);
  if (namespace !== undefined) return namespace;
  throw new VmcoreError('E_USAGE', `process ${task.number('pid')} was exiting and has no mounts any more`, {
    hint: 'leave the pid out: init has all mounts',
  });
}

const mountInfo = (mount: Mount): MountInfo => ({
  source: mount.source,
  target: mount.target,
  type: mount.type,
  options: mount.options,
  id: mount.id,
  parentId: mount.parentId ?? null,
  address: hex(mount.address),
});
