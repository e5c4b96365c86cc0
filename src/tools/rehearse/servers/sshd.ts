/**
 * A real OpenSSH server on this machine's loopback, for one run: with a host key, a client's key and a log of its own. It lets in the user
 * whose program starts it, by that key only. Source: sshd_config(5) of OpenSSH 9.2.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Program, requireProgram, runChecked } from '../../../sys/programs.ts';
import { sshKeygen } from '../../kdumpctl/openssh.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

export const sshdProgram: Program = { name: 'sshd', debianPackage: 'openssh-server' };

export interface Sshd extends ServerProcess {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Who may come. */
  readonly user: string;
  /** The file with the client's private key; the public one is beside it, as .pub. */
  readonly identity: string;
  /** Type and key, as the first two fields of a .pub file: what follows the name in a line of known_hosts. */
  readonly hostKey: string;
}

export interface SshdRequest {
  /** Keys and configuration go there; a folder of the caller's, who removes it. */
  readonly folder: string;
  /** Who may come besides: public keys, as lines of authorized_keys. */
  readonly authorized?: readonly string[];
  /** More lines of sshd_config. */
  readonly config?: readonly string[];
}

/** E_NEEDS without openssh-server, E_IO when it does not start. */
export async function startSshd({ folder, authorized = [], config = [] }: SshdRequest): Promise<Sshd> {
  const path = requireProgram(sshdProgram);
  const identity = join(folder, 'client_key');
  const hostKeyFile = join(folder, 'host_key');
  await makeKey(identity);
  await makeKey(hostKeyFile);
  const authorizedKeys = join(folder, 'authorized_keys');
  const own = readFileSync(`${identity}.pub`, 'utf8').trim();
  writeFileSync(authorizedKeys, `${[own, ...authorized].join('\n')}\n`, { mode: 0o600 });
  // Where Debian's sshd locks up the process that has seen no key yet; its service makes the folder, and is not running here.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const port = await freePort();
  const configFile = join(folder, 'sshd_config');
  const lines = [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${hostKeyFile}`,
    `AuthorizedKeysFile ${authorizedKeys}`,
    'PidFile none',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    // The folder is below one that anybody may write to.
    'StrictModes no',
    'LogLevel VERBOSE',
    'Subsystem sftp internal-sftp',
    ...config,
  ];
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  const server = await startServer(path, ['-D', '-e', '-f', configFile], /Server listening on/);
  return { ...server, port, user: userInfo().username, identity, hostKey: publicKey(hostKeyFile) };
}

/** A key pair: `path`, and `path`.pub. */
export async function makeKey(path: string): Promise<void> {
  await runChecked(requireProgram(sshKeygen), [
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    'vmcore-test',
    '-f',
    path,
  ]);
}

/** Type and key of a pair. */
export const publicKey = (path: string): string =>
  readFileSync(`${path}.pub`, 'utf8').trim().split(' ').slice(0, 2).join(' ');

/** The line of a known_hosts for a server. */
export const knownHostsLine = (host: string, port: number, hostKey: string): string =>
  `${port === 22 ? host : `[${host}]:${port}`} ${hostKey}\n`;
