/** What is written on a block device: blkid(8) looks at the device itself, so that no cache can be wrong. */
import { VmcoreError } from '../../../../base/errors.ts';
import type { BlockDevice } from './block-device.ts';
import type { LiveSystem } from './live-system.ts';

export interface Signature {
  /** `ext4`, `crypto_LUKS`, `LVM2_member`, `swap`; undefined when nothing known is there. */
  readonly type: string | undefined;
  readonly uuid: string | undefined;
  /** Of the partition's entry in the partition table. */
  readonly partUuid: string | undefined;
}

const blkid = { name: 'blkid', debianPackage: 'util-linux' };
/** blkid's for "nothing found". */
const nothingFound = 2;

/** E_IO when the device cannot be read. */
export async function signatureOf(machine: LiveSystem, device: BlockDevice): Promise<Signature> {
  const { status, stdout, stderr } = await machine.run(blkid, ['-p', '-o', 'export', device.node]);
  if (status !== 0 && (status !== nothingFound || stderr.trim() !== '')) {
    throw new VmcoreError(
      'E_IO',
      `blkid cannot tell what is on it: ${stderr.trim() || `exit status ${status}`}`,
      {
        file: device.node,
        hint: 'run as root; look at the kernel log for the device',
      },
    );
  }
  const values = new Map(
    stdout
      .toString()
      .split('\n')
      .map((line) => {
        const at = line.indexOf('=');
        // Blanks and quotes in values are escaped.
        return [line.slice(0, at), line.slice(at + 1).replace(/\\(.)/g, '$1')] as const;
      }),
  );
  return {
    type: values.get('TYPE'),
    uuid: values.get('UUID'),
    partUuid: values.get('PART_ENTRY_UUID'),
  };
}
