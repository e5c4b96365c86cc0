/** Opening the VMCORE of a makedumpfile command line. */
import { type ByteSource, readExact } from '../../base/byte-source.ts';
import { latin1 } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { nativeCodecs } from '../../codecs/native.ts';
import type { Dump } from '../../formats/dump.ts';
import { withVmcoreinfoAt } from '../../formats/kcore.ts';
import { openDump } from '../../formats/open.ts';
import { openFile, openFileUnmapped } from '../../sys/file-source.ts';
import { KernelFiles } from '../../tools/kexec/machine/kernel-files.ts';
import { parseVmcoreinfoPlace } from '../../tools/kexec/machine/note-places.ts';
import type { KernelSource, MakedumpfileLine } from '../../tools/makedumpfile/options.ts';

/**
 * The dump, described by itself and, where it says too little, by what -x or -i names. E_USAGE with the name of that file when it is of
 * another kernel.
 */
export async function openVmcore(
  path: string,
  kernel: KernelSource,
  { access, cutShort }: Pick<MakedumpfileLine, 'access' | 'cutShort'>,
): Promise<Dump> {
  const open = access === 'read' ? openFileUnmapped : openFile;
  const file = path === '/proc/vmcore' ? await openProcVmcore(path, open) : open(path);
  const dump = withOwnInfo(openDump(file, { codecs: nativeCodecs(), cutShort }));
  if (kernel.kind === 'vmcore') return dump;
  // Loaded when needed: most dumps describe themselves.
  const { withKernelInfo } = await import('../../tools/makedumpfile/vmcoreinfo/apply.ts');
  const text = kernel.kind === 'vmcoreinfo' ? readText(kernel.path) : await describeVmlinux(kernel.path);
  return withKernelInfo(dump, text, kernel.path);
}

/** Loaded when needed: what tells why the file is not there. */
async function openProcVmcore(path: string, open: (path: string) => ByteSource): Promise<ByteSource> {
  const { openExplained } = await import('../../tools/kdumpctl/missing-vmcore.ts');
  return openExplained(path, open);
}

/** The vmcoreinfo of a vmlinux: what -g writes, and -x uses. */
export async function describeVmlinux(path: string): Promise<string> {
  const { generateVmcoreinfo } = await import('../../tools/makedumpfile/vmcoreinfo/generate.ts');
  const { unpackWhole } = await import('../../codecs/native-inflate.ts');
  return generateVmcoreinfo(openFile(path), unpackWhole);
}

/** /proc/kcore before Linux 4.19 does not carry vmcoreinfo; the kernel tells where it is. */
function withOwnInfo(dump: Dump): Dump {
  if (dump.format !== 'kcore' || dump.vmcoreinfo !== undefined) return dump;
  const { address, size } = parseVmcoreinfoPlace(new KernelFiles().text('sys/kernel/vmcoreinfo'));
  return withVmcoreinfoAt(dump, { paddr: address, size });
}

/** vmcoreinfo is a page or two; more is some other file. */
const maxVmcoreinfo = 1 << 20;

function readText(path: string): string {
  const source = openFile(path);
  try {
    if (source.size > maxVmcoreinfo) {
      throw new VmcoreError('E_USAGE', 'is too large for vmcoreinfo', {
        file: path,
        hint: 'give -i what makedumpfile -g wrote, and -x a vmlinux',
      });
    }
    return latin1(readExact(source, 0, source.size, 'vmcoreinfo'));
  } finally {
    source.close();
  }
}
