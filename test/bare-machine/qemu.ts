/** The QEMU programs that the bare machines run on. */
import { join } from 'node:path';
import { peerIn } from '../../lab/peers.ts';
import { silentProgress } from '../../src/base/progress.ts';
import { requireProgram } from '../../src/sys/programs.ts';
import { debianTree } from '../../src/tools/rehearse/debian.ts';

/** This machine's own. */
export const qemuX86 = (): string[] => [
  requireProgram({ name: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86' }),
];

export const qemuArm64 = (): string[] => [
  requireProgram({ name: 'qemu-system-aarch64', debianPackage: 'qemu-system-arm' }),
];

/** QEMU of Debian 13 (10.0): its TCG has the SHA instructions of x86, which came with 8.2; Debian 12 has 7.2. */
export async function qemuX86WithSha(): Promise<string[]> {
  const tree = await debianTree({ suite: 'trixie', packages: ['qemu-system-x86'], progress: silentProgress });
  const share = ['qemu', 'seabios'].flatMap((name) => ['-L', join(tree, 'usr/share', name)]);
  return [...peerIn(tree, 'usr/bin/qemu-system-x86_64', {}).command, ...share];
}
