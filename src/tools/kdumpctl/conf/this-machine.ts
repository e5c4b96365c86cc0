/** What the recommended crashkernel= depends on, asked of the running machine. Facts: kdump_get_arch_recommend_crashkernel() of kdump-lib.sh. */
import { existsSync, readFileSync } from 'node:fs';
import { machine } from 'node:os';
import { namesIn } from '../../../sys/names-in.ts';
import { pageSizeIn } from '../../kexec/machine/page-size.ts';
import { archNamed, type Extra, type PageSize } from './default-crashkernel.ts';

export interface ReservedFor {
  /** As uname(1) has it. */
  readonly arch: string;
  readonly pageSize: PageSize;
  readonly extras: readonly Extra[];
}

/** Memory encryption is not among the extras: only the log of the boot tells whether it is on. E_UNSUPPORTED for an unknown architecture. */
export function thisMachine(): ReservedFor {
  const extras: Extra[] = [];
  if (existsSync('/sys/bus/pci/drivers/mlx5_core')) extras.push('mlx5');
  if (namesIn('/sys/devices/platform').some((name) => name.startsWith('arm-smmu-'))) extras.push('smmu');
  return { arch: archNamed(machine()), pageSize: pageSizeOf(auxiliaryVector()), extras };
}

function auxiliaryVector(): Buffer {
  try {
    return readFileSync('/proc/self/auxv');
  } catch {
    return Buffer.alloc(0);
  }
}

export const pageSizeOf = (auxv: Uint8Array): PageSize => (pageSizeIn(auxv) === 65536 ? '64k' : '4k');
