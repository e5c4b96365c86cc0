/**
 * Gives the ssh target our key: makes one where there is none, and lets ssh-copy-id put it into the server's authorized_keys. The server asks for a
 * password meanwhile, and ssh whether the host is the right one: both on the terminal, which these programs get.
 *
 * Facts: propagate_ssh_key() of kdumpctl (kdump-utils 63f248c). Ours: an ed25519 key, unless the file's name asks for RSA.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { type Program, requireProgram } from '../../../sys/programs.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { Target } from '../conf/target.ts';
import { sshCopyId, sshKeygen } from '../openssh.ts';

export interface Propagated {
  readonly key: string;
  readonly made: 'new' | 'was there';
  readonly to: string;
}

/** Runs a program that asks the person at the terminal, to its end. E_NEEDS when it is not installed, E_IO when it did not do it. */
export type RunOnTerminal = (program: Program, args: readonly string[]) => void;

/** E_USAGE when the target is not ssh; and the errors of running the programs. */
export function propagate(target: Target, confFile: string, run: RunOnTerminal = runOnTerminal): Propagated {
  if (target.kind !== 'ssh') {
    throw new VmcoreError('E_USAGE', 'names no ssh target', {
      file: confFile,
      hint: 'write "ssh USER@HOST" into it',
    });
  }
  const { key, user, host } = target;
  const made = existsSync(key) ? 'was there' : 'new';
  if (made === 'new') {
    try {
      mkdirSync(dirname(key), { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw asVmcoreError(cause, 'cannot make the folder of the key', { file: dirname(key) });
    }
    const type = key.endsWith('_rsa') ? ['-t', 'rsa', '-b', '3072'] : ['-t', 'ed25519'];
    run(sshKeygen, [...type, '-N', '', '-C', 'kdump', '-f', key]);
  }
  const to = `${user}@${host}`;
  run(sshCopyId, ['-i', key, to]);
  return { key, made, to };
}

function runOnTerminal(program: Program, args: readonly string[]): void {
  // ssh-copy-id keeps its temporary files there, and does not make it.
  mkdirSync(join(homedir(), '.ssh'), { recursive: true, mode: 0o700 });
  // Its messages are for people: standard output is for our result.
  const { status, error } = spawnSync(requireProgram(program), args, { stdio: ['inherit', 2, 2] });
  if (status === 0) return;
  throw new VmcoreError(
    'E_IO',
    `${program.name} did not do it${error === undefined ? '' : `: ${error.message}`}`,
    {
      file: args.at(-1),
      hint: 'see what it said above',
    },
  );
}
