/**
 * A server in place of the one that the machine saves to: on this machine's loopback, behind an address of QEMU's network. The image's card, keys and
 * options stay; addresses are others, because no other machine is ever reached in a rehearsal.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { requireProgram, runChecked } from '../../../sys/programs.ts';
import type { NfsTarget, SshTarget } from '../../kdumpctl/conf/target.ts';
import { privateFile } from '../../kdumpctl/image/cpio.ts';
import type { ImagePlan } from '../../kdumpctl/image/plan.ts';
import { networkFiles } from '../../kdumpctl/image/plan-image.ts';
import { sshKeygen } from '../../kdumpctl/openssh.ts';
import type { NetworkPlan } from '../../kdumpctl/targets/network-plan.ts';
import { cardModules, type GuestNetwork, guestAddress, type NetworkCard, serverAddress } from '../devices.ts';
import { startNfs } from '../servers/nfs.ts';
import { type Sshd, startSshd } from '../servers/sshd.ts';
import { newestDumpBelow } from './newest-dump.ts';
import { drivenBy, fileText, type StandIn, withConf, withFiles, withModules } from './stand-in.ts';

/** Which module tells of which card. */
const cardDrivers: Readonly<Record<NetworkCard, string>> = {
  'virtio-net': 'virtio_net',
  e1000e: 'e1000e',
  e1000: 'e1000',
};

const nfsPort = 2049;

/** E_NEEDS without nfs-ganesha. */
export async function standInNfs(plan: ImagePlan, target: NfsTarget, folder: string): Promise<StandIn> {
  const server = await startNfs({ folder: newFolder(folder, 'nfs'), name: target.exported });
  try {
    const connected = await connect(plan, { port: nfsPort, hostPort: server.port });
    const here = { ...target, server: serverAddress };
    return {
      ...connected,
      plan: withConf(connected.plan, { ...plan.conf, target: here }),
      disks: [],
      differences: [
        ...connected.differences,
        `nfs-ganesha stands in for the NFS server ${target.server}, at ${serverAddress}`,
      ],
      takeDump: async () => newestDumpBelow(join(server.folder, plan.conf.path)),
      close: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** E_NEEDS without OpenSSH's server. */
export async function standInSshd(plan: ImagePlan, target: SshTarget, folder: string): Promise<StandIn> {
  const server = await startSshd({
    folder: newFolder(folder, 'ssh'),
    authorized: [await publicKeyOf(plan, target, folder)],
  });
  try {
    const config = fileText(plan, sshConfigPath);
    const port = Number(/^\s*Port (\d+)/im.exec(config)?.[1] ?? 22);
    const connected = await connect(plan, { port, hostPort: server.port });
    const received = join(folder, 'received');
    const withKeys = withFiles(connected.plan, [
      privateFile(sshConfigPath, configFor(config)),
      privateFile(knownHostsPath, knownHosts(plan, target, config, port, server)),
    ]);
    return {
      ...connected,
      plan: withConf(withKeys, { ...plan.conf, target: { ...target, user: server.user }, path: received }),
      disks: [],
      differences: [
        ...connected.differences,
        `an OpenSSH server of this machine stands in for ${target.host}, at ${serverAddress}: its host key is added to those that are known, the user is ${server.user}, the path a folder of the rehearsal`,
      ],
      takeDump: async () => newestDumpBelow(received),
      close: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function newFolder(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

type Connected = Pick<StandIn, 'plan' | 'network' | 'differences'>;

/** The image's card in QEMU's network, with the server in it. */
async function connect(
  plan: ImagePlan,
  { port, hostPort }: { readonly port: number; readonly hostPort: number },
): Promise<Connected> {
  const [planned] = plan.network?.cards ?? [];
  if (plan.network === undefined || planned === undefined) {
    throw new VmcoreError('E_UNSUPPORTED', 'the capture image of a network target has no network card');
  }
  const known = drivenBy(plan, cardDrivers);
  const card = known ?? 'virtio-net';
  const driven = known === undefined ? await withModules(plan, cardModules[card]) : plan;
  const network: NetworkPlan = {
    cards: [{ ...planned, addresses: [`${guestAddress}/24`], routes: [] }],
    hosts: plan.network.hosts.map(({ name }) => ({ name, address: serverAddress })),
    nameServers: [],
  };
  const guest: GuestNetwork = {
    card,
    mac: planned.mac,
    servers: [{ address: serverAddress, port, hostPort }],
  };
  return {
    plan: withFiles({ ...driven, network }, networkFiles(network)),
    network: guest,
    differences: [
      `the network is QEMU's own: ${planned.name} has the address ${guestAddress}, whatever routes there are`,
      ...(known === undefined
        ? [
            'QEMU has no network card of the kind of yours: it is a virtio one, and the image has its modules as well',
          ]
        : []),
    ],
  };
}

const sshConfigPath = 'etc/ssh/ssh_config';
const knownHostsPath = 'etc/ssh/ssh_known_hosts';

/** The same options, for the server that stands in. */
const configFor = (config: string): string =>
  config.replace(/^(\s*HostName) .*$/im, `$1 ${serverAddress}`).replace(/^\s*User .*\n/im, '');

/** Those of the machine, and the server's under every name by which ssh may look for it. */
function knownHosts(
  plan: ImagePlan,
  { host }: SshTarget,
  config: string,
  port: number,
  { hostKey }: Sshd,
): string {
  const alias = /^\s*hostkeyalias (\S+)/im.exec(config)?.[1];
  const names = [host, serverAddress].map((name) => (port === 22 ? name : `[${name}]:${port}`));
  const added = [...names, ...(alias === undefined ? [] : [alias])].map((name) => `${name} ${hostKey}\n`);
  return fileText(plan, knownHostsPath) + added.join('');
}

/** Of the private key that is in the image. */
async function publicKeyOf(plan: ImagePlan, { key }: SshTarget, folder: string): Promise<string> {
  const file = join(folder, 'image-key');
  writeFileSync(file, fileText(plan, key.slice(1)), { mode: 0o600 });
  try {
    const { stdout } = await runChecked(requireProgram(sshKeygen), ['-y', '-P', '', '-f', file]);
    return stdout.toString('utf8').trim();
  } finally {
    rmSync(file);
  }
}
