/**
 * An ssh target is tried before it is relied on: the key must be accepted, the host known, and the folder there.
 *
 * Facts: check_and_wait_network_ready() of kdumpctl (kdump-utils 63f248c). Ours: a server that is away for the moment keeps nobody from being armed.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { VmcoreError } from '../../../base/errors.ts';
import { lastLine } from '../../../sys/programs.ts';
import type { SshTarget, Target } from '../conf/target.ts';
import type { LiveSystem } from '../image/machine/live-system.ts';
import { ssh } from '../openssh.ts';
import { quoted } from '../targets/shell-quote.ts';
import type { Log } from './log.ts';
import { sshArguments } from './target-room.ts';

/** Exit status of ssh(1) for failures of its own; others are those of the command. */
const sshFailed = 255;
/** Milliseconds: at boot, the network may be later than we are. */
export const waitForNetwork = 60_000;
const retryEvery = 2000;

/** Makes the folder on the server. E_NEEDS when the server refuses us; a server that does not answer for `limit` milliseconds is only told. */
export async function reachTarget(
  target: Target,
  folder: string,
  { run }: Pick<LiveSystem, 'run'>,
  log: Log,
  limit = waitForNetwork,
): Promise<void> {
  if (target.kind !== 'ssh') return;
  const end = performance.now() + limit;
  for (let isFirst = true; ; isFirst = false) {
    const refusal = await makeFolder(target, folder, run);
    if (refusal === undefined) return;
    if (isFirst)
      log.warn(`${target.user}@${target.host} does not answer: waiting for the network (${refusal})`);
    if (performance.now() > end) {
      log.warn(`${target.user}@${target.host} does not answer: armed nevertheless (${refusal})`);
      return;
    }
    await sleep(retryEvery);
  }
}

/** Undefined when the folder is there; else why the server does not answer. */
async function makeFolder(
  target: SshTarget,
  folder: string,
  run: LiveSystem['run'],
): Promise<string | undefined> {
  const { status, stderr } = await run(
    ssh,
    sshArguments(target, `umask 0077 && mkdir -p -- ${quoted(folder)}`),
  );
  if (status === 0) return undefined;
  const said = lastLine(stderr) || `exit status ${status}`;
  if (status !== sshFailed) {
    throw new VmcoreError('E_NEEDS', `${target.host}: cannot make ${folder}: ${said}`, {
      hint: `let ${target.user} write there, or name another "path"`,
    });
  }
  if (/Permission denied|Host key verification failed|No such file or directory|REMOTE HOST/.test(stderr)) {
    throw new VmcoreError('E_NEEDS', `${target.user}@${target.host} refuses us: ${said}`, {
      file: target.key,
      hint: 'give it the key: vmcore kdumpctl propagate',
    });
  }
  return said;
}
