/** What a capture image needs to save by ssh to a server of a test's, in QEMU's own network: what the service would put into it on a live machine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentProgress } from '../../src/base/progress.ts';
import { requireProgram } from '../../src/sys/programs.ts';
import type { CpioEntry } from '../../src/tools/kdumpctl/image/cpio.ts';
import { buildProgramImage } from '../../src/tools/kdumpctl/image/squashfs.ts';
import { networkPlanPath, networkPlanText } from '../../src/tools/kdumpctl/targets/network-plan.ts';
import { guestAddress, serverAddress } from '../../src/tools/rehearse/devices.ts';
import { guestPrograms } from '../../src/tools/rehearse/foreign-programs.ts';
import { knownHostsLine } from '../../src/tools/rehearse/servers/sshd.ts';
import type { PanicAndSave } from './panic-and-save.ts';

export interface SshCapture {
  readonly folder: string;
  readonly user: string;
  /** Of 127.0.0.1; undefined: nothing listens where the server should be. */
  readonly port: number | undefined;
  /** The server's, as the image knows it: type and key. */
  readonly hostKey: string;
  /** The file with the client's private key. */
  readonly identity: string;
  /** kdump.conf's path. */
  readonly path: string;
  /** More lines of kdump.conf. */
  readonly conf: readonly string[];
}

const mac = '52:54:00:12:34:56';
const key = '/root/.ssh/kdump_id_rsa';

export async function sshCapture(request: SshCapture): Promise<PanicAndSave> {
  const { folder, user, port, hostKey, identity, path, conf } = request;
  const programs = await guestPrograms('x86_64', process.execPath, silentProgress);
  const entry = fileURLToPath(new URL('../../src/cli/capture.ts', import.meta.url));
  const ssh = requireProgram({ name: 'ssh', debianPackage: 'openssh-client' });
  const output = join(folder, 'with-ssh.squashfs');
  const plan = networkPlanText({
    cards: [
      {
        mac,
        name: 'enp1s0',
        configured: 'static',
        addresses: [`${guestAddress}/24`],
        routes: [],
        mtu: 1500,
      },
    ],
    // QEMU answers for every address of its network; only the machine itself refuses.
    hosts: [{ name: 'crash.test', address: port === undefined ? guestAddress : serverAddress }],
    nameServers: [],
  });
  return {
    folder,
    kdumpConf: [`ssh ${user}@crash.test`, `sshkey ${key}`, `path ${path}`, ...conf, ''].join('\n'),
    network: {
      card: 'virtio-net',
      mac,
      servers: port === undefined ? [] : [{ address: serverAddress, port: 22, hostPort: port }],
    },
    program: await buildProgramImage(programs, entry, output, new Map([['ssh', ssh]])),
    files: [
      file(networkPlanPath.slice(1), plan),
      { kind: 'symlink', path: 'bin/ssh', target: '/vmcore/bin/ssh' },
      file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
      file('etc/ssh/ssh_known_hosts', knownHostsLine('crash.test', 22, hostKey)),
      file(key.slice(1), readFileSync(identity), 0o600),
    ],
  };
}

const file = (path: string, content: string | Uint8Array, mode = 0o644): CpioEntry => ({
  kind: 'file',
  path,
  mode,
  data: Buffer.from(content),
});
