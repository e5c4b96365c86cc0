/**
 * What the OpenSSH client needs in the capture image to reach the target as it does on the running system: its configuration for that host as
 * `ssh -G` resolves it, the keys by which the host is known, and the private key.
 *
 * Nobody can answer a question in the capture kernel: a host that is not known yet, or a key with a passphrase, is refused now.
 * Source of truth: ssh(1), ssh_config(5) and ssh-keygen(1) of OpenSSH 9.2.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { lastLine, requireProgram } from '../../../sys/programs.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { SshTarget } from '../conf/target.ts';
import { ssh, sshKeygen } from '../openssh.ts';
import type { CpioEntry } from './cpio.ts';
import { refuseHidden } from './extra-programs.ts';
import type { LiveSystem } from './machine/live-system.ts';

export interface SshFiles {
  /** The host that is connected to in the end, for the route to it. */
  readonly host: string;
  readonly entries: readonly CpioEntry[];
}

/** The client itself, for the squashfs. E_NEEDS when it is not installed. */
export const sshProgramPath = (): string => requireProgram(ssh);

/** E_FILE without the private key or a known host key, E_UNSUPPORTED for what cannot work without a person or other programs. */
export async function sshFiles(machine: LiveSystem, target: SshTarget): Promise<SshFiles> {
  const options = await resolvedOptions(machine, target);
  refuseProxies(options, target);
  const host = only(options, 'hostname') ?? target.host;
  const key = await privateKey(machine, target);
  const known = await knownHosts(machine, target, options, host);
  return {
    host,
    entries: [
      file('etc/ssh/ssh_config', configText(options, target, host), 0o644),
      file('etc/ssh/ssh_known_hosts', known, 0o644),
      file(target.key.slice(1), key, 0o600),
      file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n', 0o644),
      file('etc/group', 'root:x:0:\n', 0o644),
      file('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n', 0o644),
      { kind: 'symlink', path: 'bin/ssh', target: '/vmcore/bin/ssh' },
    ],
  };
}

const file = (path: string, text: string | Uint8Array, mode: number): CpioEntry => ({
  kind: 'file',
  path,
  mode,
  data: Buffer.from(text),
});

/** Keywords as ssh -G prints them: in lower case, several lines of one keyword possible. */
type Options = ReadonlyMap<string, readonly string[]>;
const only = (options: Options, keyword: string): string | undefined => options.get(keyword)?.[0];

async function resolvedOptions(machine: LiveSystem, { user, host }: SshTarget): Promise<Options> {
  const { status, stdout, stderr } = await machine.run(ssh, ['-G', '-T', '-l', user, '--', host]);
  if (status !== 0) {
    throw new VmcoreError('E_FILE', `ssh cannot read its configuration: ${stderr.trim()}`, {
      file: `${user}@${host}`,
      hint: 'correct /etc/ssh/ssh_config or ~/.ssh/config',
    });
  }
  const options = new Map<string, string[]>();
  for (const line of stdout.toString().split('\n')) {
    const [, keyword, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (keyword === undefined || value === undefined) continue;
    const values = options.get(keyword);
    if (values === undefined) options.set(keyword, [value]);
    else values.push(value);
  }
  return options;
}

function refuseProxies(options: Options, { user, host }: SshTarget): void {
  for (const keyword of ['proxyjump', 'proxycommand']) {
    const value = only(options, keyword);
    if (value === undefined || value === 'none') continue;
    throw new VmcoreError(
      'E_UNSUPPORTED',
      `ssh reaches it through ${keyword} ${value}, which the capture image does not have`,
      {
        file: `${user}@${host}`,
        hint: 'name a host that is reached directly',
      },
    );
  }
}

/** Taken over from the running system as they are: they decide how the two sides agree. */
const carriedOver = [
  'port',
  'addressfamily',
  'hostkeyalias',
  'hostkeyalgorithms',
  'casignaturealgorithms',
  'kexalgorithms',
  'ciphers',
  'macs',
  'pubkeyacceptedalgorithms',
  'requiredrsasize',
  'rekeylimit',
  'ipqos',
];

function configText(options: Options, target: SshTarget, host: string): string {
  const lines = [
    'Host *',
    `HostName ${host}`,
    `User ${target.user}`,
    ...carriedOver.flatMap((keyword) => {
      const value = only(options, keyword);
      return value === undefined || value === 'none' ? [] : [`${keyword} ${value}`];
    }),
    // Nobody answers a question, and nobody presses ^C.
    'BatchMode yes',
    'ConnectTimeout 30',
    'ServerAliveInterval 15',
    'ServerAliveCountMax 4',
    `IdentityFile ${target.key.includes(' ') ? `"${target.key}"` : target.key}`,
    'IdentitiesOnly yes',
    'PreferredAuthentications publickey',
    'StrictHostKeyChecking yes',
    'GlobalKnownHostsFile /etc/ssh/ssh_known_hosts',
    'UserKnownHostsFile none',
    'CheckHostIP no',
    'UpdateHostKeys no',
    'CanonicalizeHostname no',
    'LogLevel ERROR',
  ];
  return `${lines.join('\n    ')}\n`;
}

async function privateKey(machine: LiveSystem, target: SshTarget): Promise<Uint8Array> {
  refuseHidden(target.key);
  const path = join(machine.root, target.key);
  const propagate = 'run "vmcore kdumpctl propagate", which makes one and gives it to the server';
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new VmcoreError('E_FILE', `there is no private key for ${target.user}@${target.host}`, {
      file: target.key,
      hint: propagate,
    });
  }
  const { status, stdout, stderr } = await machine.run(sshKeygen, ['-y', '-P', '', '-f', path]);
  if (status !== 0) {
    const needsPassphrase = /passphrase/i.test(stderr);
    throw new VmcoreError(
      'E_UNSUPPORTED',
      needsPassphrase
        ? 'has a passphrase, which nobody can type in the capture kernel'
        : `is no private key that can be used: ${lastLine(stderr)}`,
      { file: target.key, hint: `name a key without one in "sshkey", or ${propagate}` },
    );
  }
  if (stdout.toString().startsWith('sk-')) {
    throw new VmcoreError('E_UNSUPPORTED', 'needs its security token to be touched', {
      file: target.key,
      hint: `name another key in "sshkey", or ${propagate}`,
    });
  }
  try {
    return readFileSync(path);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read the private key', { file: target.key });
  }
}

/** The lines for the host in all files in which ssh looks. */
async function knownHosts(
  machine: LiveSystem,
  { user, host: named }: SshTarget,
  options: Options,
  host: string,
): Promise<string> {
  const port = only(options, 'port') ?? '22';
  const name = only(options, 'hostkeyalias') ?? (port === '22' ? host : `[${host}]:${port}`);
  const files = ['userknownhostsfile', 'globalknownhostsfile'].flatMap((keyword) =>
    (only(options, keyword) ?? '').split(' '),
  );
  const lines = new Set<string>();
  for (const path of files) {
    const at = join(machine.root, path);
    if (!path.startsWith('/') || !existsSync(at)) continue;
    const { stdout } = await machine.run(sshKeygen, ['-F', name.toLowerCase(), '-f', at]);
    for (const line of stdout.toString().split('\n')) {
      if (line !== '' && !line.startsWith('#')) lines.add(`${line}\n`);
    }
  }
  if (![...lines].some((line) => !line.startsWith('@revoked'))) {
    throw new VmcoreError(
      'E_FILE',
      `the host key of ${name} is not known, and nobody can confirm it in the capture kernel`,
      {
        file: `${user}@${named}`,
        hint: 'run "vmcore kdumpctl propagate", which connects to it once',
      },
    );
  }
  return [...lines].join('');
}
