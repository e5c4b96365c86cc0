/**
 * crashkernel= as it is recommended: how much memory to reserve, by the size of the machine.
 *
 * Source of truth: kdump_get_arch_recommend_crashkernel() of kdump-lib.sh (kdump-utils 63f248c). Sizes in MiB.
 */
import { VmcoreError } from '../../../base/errors.ts';

/** What needs more than the table says. */
export const extras = ['memory-encryption', 'mlx5', 'smmu'] as const;
export type Extra = (typeof extras)[number];

export type PageSize = '4k' | '64k';

interface Range {
  /** Memory of the machine, as crashkernel= writes it; "" has no end. */
  readonly from: string;
  readonly to: string;
  readonly mebibytes: number;
}

const tables: Readonly<Record<string, readonly Range[]>> = {
  x86_64: [
    { from: '2G', to: '64G', mebibytes: 256 },
    { from: '64G', to: '', mebibytes: 512 },
  ],
  aarch64: [
    { from: '2G', to: '4G', mebibytes: 256 },
    { from: '4G', to: '64G', mebibytes: 320 },
    { from: '64G', to: '', mebibytes: 576 },
  ],
};

/** As uname(1) has them. */
export const knownArchs = Object.keys(tables);
/** Other names that people have for them. */
const otherNames: Readonly<Record<string, string>> = { arm64: 'aarch64', amd64: 'x86_64', x64: 'x86_64' };

/** E_UNSUPPORTED for an architecture without a table. */
export function archNamed(name: string): string {
  const arch = Object.hasOwn(otherNames, name) ? otherNames[name]! : name;
  if (Object.hasOwn(tables, arch)) return arch;
  throw new VmcoreError('E_UNSUPPORTED', `no default of crashkernel= is known for ${name}`, {
    hint: `known: ${knownArchs.join(', ')}`,
  });
}

/** `2G-64G:256M,64G-:512M`. E_UNSUPPORTED for an architecture without a table. */
export function defaultCrashkernel(name: string, pageSize: PageSize, present: readonly Extra[]): string {
  const arch = archNamed(name);
  const more = moreMebibytes(arch, pageSize, present);
  return tables[arch]!.map(({ from, to, mebibytes }) => {
    const size = mebibytes + more;
    return `${from}-${to}:${size % 1024 === 0 ? `${size / 1024}G` : `${size}M`}`;
  }).join(',');
}

function moreMebibytes(arch: string, pageSize: PageSize, present: readonly Extra[]): number {
  const ifPresent = (extra: Extra, mebibytes: number): number => (present.includes(extra) ? mebibytes : 0);
  if (arch === 'x86_64') return ifPresent('memory-encryption', 64);
  if (pageSize === '4k') return ifPresent('mlx5', 150);
  return 100 + ifPresent('smmu', 384) + ifPresent('mlx5', 200);
}
