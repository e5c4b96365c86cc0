/** The programs of OpenSSH that are called: nothing of ours speaks its protocol. */
import type { Program } from '../../sys/programs.ts';

const debianPackage = 'openssh-client';
export const ssh: Program = { name: 'ssh', debianPackage };
export const sshKeygen: Program = { name: 'ssh-keygen', debianPackage };
export const sshCopyId: Program = { name: 'ssh-copy-id', debianPackage };
