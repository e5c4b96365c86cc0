/** The crashed kernel's uname, from init_uts_ns. */
import { cString } from '../base/bytes.ts';
import { asVaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';
import type { Layouts } from './types/layouts.ts';

/** struct new_utsname of include/uapi/linux/utsname.h: six strings of 65 bytes. */
const fieldSize = 65;

export interface KernelName {
  readonly sysname: string;
  readonly nodename: string;
  readonly release: string;
  readonly version: string;
  readonly machine: string;
  readonly domainname: string;
}

/** `layouts` know where the name is in kernels whose vmcoreinfo does not tell it (before 5.11). E_UNREADABLE or E_NO_INFO when it is not there to be read. */
export function readUtsname(kernel: Kernel, layouts?: Layouts): KernelName {
  const { info } = kernel;
  const namespace = info.requireSymbol('init_uts_ns');
  const offset = layouts?.offset('uts_namespace.name') ?? info.requireOffset('uts_namespace.name');
  const address = namespace + BigInt(offset);
  const bytes = kernel.read(asVaddr(address), 6 * fieldSize);
  const field = (n: number): string => cString(bytes.subarray(n * fieldSize, (n + 1) * fieldSize));
  return {
    sysname: field(0),
    nodename: field(1),
    release: field(2),
    version: field(3),
    machine: field(4),
    domainname: field(5),
  };
}
