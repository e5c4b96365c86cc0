/**
 * A real NFS server (version 4) on this machine's loopback, for one run: nfs-ganesha, which is a program and needs nothing of the kernel.
 * Sources: ganesha-config(8), ganesha-core-config(8), ganesha-export-config(8) and ganesha-vfs-config(8) of nfs-ganesha 4.3.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Program, requireProgram } from '../../../sys/programs.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

export const ganesha: Program = { name: 'ganesha.nfsd', debianPackage: 'nfs-ganesha nfs-ganesha-vfs' };

export interface NfsServer extends ServerProcess {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** What a client mounts: SERVER:EXPORT. */
  readonly export: string;
  /** The same folder here. */
  readonly folder: string;
}

export interface NfsRequest {
  /** Configuration and export go there; a folder of the caller's, who removes it. */
  readonly folder: string;
  readonly access?: 'RW' | 'RO';
  /** What clients mount; /export when not given. */
  readonly name?: string;
}

/** E_NEEDS without nfs-ganesha, E_IO when it does not start. Only root can run it: it opens files by their handles. */
export async function startNfs({ folder, access = 'RW', name = '/export' }: NfsRequest): Promise<NfsServer> {
  const path = requireProgram(ganesha);
  const exported = join(folder, 'export');
  const state = join(folder, 'state');
  for (const made of [exported, state]) mkdirSync(made, { recursive: true });
  const port = await freePort();
  const configFile = join(folder, 'ganesha.conf');
  writeFileSync(configFile, configOf({ port, exported, state, access, name }));
  const args = ['-F', '-L', 'STDERR', '-f', configFile, '-p', join(folder, 'ganesha.pid'), '-N', 'EVENT'];
  const server = await startServer(path, args, /NFS SERVER INITIALIZED/);
  return { ...server, port, export: name, folder: exported };
}

interface NfsConfig {
  readonly port: number;
  readonly exported: string;
  readonly state: string;
  readonly access: string;
  readonly name: string;
}

const configOf = ({ port, exported, state, access, name }: NfsConfig): string => `
NFS_CORE_PARAM {
  Bind_addr = 127.0.0.1;
  NFS_Port = ${port};
  Protocols = 4;
  Enable_NLM = false;
  Enable_RQUOTA = false;
  Enable_UDP = false;
}
NFS_KRB5 {
  Active_krb5 = false;
}
NFSv4 {
  # Nobody has locks from before.
  Graceless = true;
  RecoveryBackend = fs;
  RecoveryRoot = "${state}";
}
EXPORT {
  Export_Id = 1;
  Path = "${exported}";
  Pseudo = "${name}";
  Access_Type = ${access};
  Squash = No_Root_Squash;
  SecType = sys;
  Protocols = 4;
  Transports = TCP;
  FSAL { Name = VFS; }
}
`;
