/** Opening the VMCORE of a makedumpfile command line. */
import { VmcoreError } from '../../base/errors.ts';
import { nativeCodecs } from '../../codecs/native.ts';
import type { Dump, OpenOptions } from '../../formats/dump.ts';
import { withVmcoreinfoAt } from '../../formats/kcore.ts';
import { openDump } from '../../formats/open.ts';
import { openFile } from '../../sys/file-source.ts';
import { vmcoreinfoPlace } from '../../sys/running-kernel.ts';
import type { KernelSource } from '../../tools/makedumpfile/options.ts';

/** The dump, described by itself or by what -x or -i names. */
export function openVmcore(path: string, kernel: KernelSource, cutShort: OpenOptions['cutShort']): Dump {
  if (kernel.kind !== 'vmcore') {
    const option = kernel.kind === 'vmlinux' ? '-x' : '-i';
    throw new VmcoreError('E_UNSUPPORTED', `${option} is not in this release`, {
      hint: `leave out ${option}: vmcores describe themselves since Linux 2.6.24`,
    });
  }
  const dump = openDump(openFile(path), { codecs: nativeCodecs(), cutShort });
  if (dump.format !== 'kcore' || dump.vmcoreinfo !== undefined) return dump;
  const place = vmcoreinfoPlace();
  return place === undefined ? dump : withVmcoreinfoAt(dump, place);
}
