/**
 * An NFS export as the target. There is no mount.nfs in the capture image: the kernel is given its own options, as text, which is all that mount.nfs
 * does in the end. Source: nfs(5), and fs/nfs/fs_context.c and fs/nfs/super.c of Linux 6.1.
 *
 * Every mount is `soft`: a server that has died ends the save with an error, and the failure action runs. A `hard` mount, the default, would wait
 * for it for ever, and the machine with it. A request is given up after timeo + retrans * timeo = 60 s (timeo is in tenths of a second), which is
 * also when TCP gives up a connection that nothing comes back on; less would not outlive a server that fails over. Data of a soft mount is not lost
 * silently here: every file is brought to disk with fsync, which tells. A server that keeps its connection and answers nothing is waited for in
 * version 4 (rpc_check_timeout() in net/sunrpc/clnt.c): that save shows no progress, and stage 0 ends it.
 *
 * Locks are not used, so version 3 needs no rpc.statd.
 */

import { VmcoreError } from '../../../base/errors.ts';
import { isIP, isIPv6 } from '../../../sys/ip-address.ts';
import { nodeDns } from '../../../sys/late-modules.ts';
import { type NfsTarget, targetText } from '../conf/target.ts';
import type { Journal } from '../journal.ts';
import type { DumpStore } from './dump-store.ts';
import { folderStoreOrClose } from './folder-store.ts';
import { mountByProgram, unmountByProgram } from './mount-program.ts';
import type { StorePlace } from './store-place.ts';
import { whenReached } from './when-reached.ts';

const versions = ['4.2', '4.1', '4.0', '3'] as const;
export type NfsVersion = (typeof versions)[number];

/** One attempt; the kernel itself gives up earlier. Milliseconds. */
const attemptLimit = 150_000;

/** E_FILE when the server's name has no address, E_IO when the export cannot be mounted. */
export async function openNfs(
  target: NfsTarget,
  { path, name, serverLimit }: StorePlace,
  journal: Journal,
): Promise<DumpStore> {
  const address = await addressOf(target.server);
  const source = `${isIPv6(target.server) ? `[${target.server}]` : target.server}:${target.exported}`;
  const root = await whenReached(() => mountNewest(source, address, journal), serverLimit, journal);
  return await folderStoreOrClose({
    root,
    path,
    name,
    target: targetText(target),
    close: () => unmountByProgram(root, source),
  });
}

async function addressOf(server: string): Promise<string> {
  if (isIP(server) !== 0) return server;
  try {
    return (await nodeDns().lookup(server)).address;
  } catch (cause) {
    throw new VmcoreError('E_FILE', 'the name of the NFS server has no address', {
      file: server,
      hint: 'name its address in kdump.conf, or restart the service, which notes the addresses of names',
      cause,
    });
  }
}

/** As the kernel takes it: every option that it would otherwise find out from mount.nfs. */
export function nfsOptions(address: string, version: NfsVersion): string[] {
  const protocol = isIPv6(address) ? 'tcp6' : 'tcp';
  const legacy = version === '3' ? [`mountproto=${protocol}`, 'nolock'] : [];
  return [
    `vers=${version}`,
    `addr=${address}`,
    `proto=${protocol}`,
    ...legacy,
    'soft',
    'timeo=200',
    'retrans=2',
  ];
}

/**
 * The newest version that the server speaks. What it said to the first is told when it speaks none: a server of version 4 alone has nobody to
 * answer version 3.
 */
async function mountNewest(source: string, address: string, journal: Journal): Promise<string> {
  let first: unknown;
  for (const version of versions) {
    try {
      const root = await mountAs(source, address, version);
      journal.event('target-mounted', { source, version });
      return root;
    } catch (error) {
      first ??= error;
      if (!(error instanceof VmcoreError) || !isAboutVersion(error.message)) break;
    }
  }
  throw first;
}

const mountAs = (source: string, address: string, version: NfsVersion): Promise<string> =>
  mountByProgram({ type: 'nfs', source, options: nfsOptions(address, version), limit: attemptLimit });

/** strerror() of EPROTONOSUPPORT, EINVAL and ENOENT: the last because an export has another path in version 4. */
const isAboutVersion = (message: string): boolean =>
  /Protocol not supported|Invalid argument|No such file or directory/.test(message);
