/**
 * `vmcore save`: in the capture kernel, the whole save flow.
 *
 * It reads its options without commander, and imports nothing that it needs only sometimes: in the capture kernel start-up counts.
 */
import { parseArgs } from 'node:util';
import { ExitStatus, VmcoreError } from '../base/errors.ts';
import { kernelJournal } from '../tools/kdumpctl/journal.ts';
import { hookFolders } from '../tools/kdumpctl/save/hooks.ts';
import { leaveMark } from '../tools/kdumpctl/save/marks.ts';
import { readPlan, type SavePlan } from '../tools/kdumpctl/save/plan.ts';
import {
  type Attempt,
  attempts,
  type SaveRequest,
  save,
  statusOf,
  statusOfError,
  tellFailure,
} from '../tools/kdumpctl/save/save.ts';
import { networkOfImage } from '../tools/kdumpctl/targets/network.ts';
import { openStore } from '../tools/kdumpctl/targets/open-store.ts';
import { programName, standardOutput } from './ending.ts';

interface SaveOptions {
  readonly config: string;
  readonly vmcore: string;
  readonly attempt: Attempt;
  /** Seconds. */
  readonly hookTimeout: number;
  /** Seconds. */
  readonly targetTimeout: number | undefined;
  readonly keepRaw: boolean;
}

export const saveHelp = `Options:
  --config FILE             the configuration (default: /etc/kdump.conf)
  --vmcore FILE             the dump to save (default: /proc/vmcore)
  --hook-timeout SECONDS    for each program of the administrator (default: 300)
  --target-timeout SECONDS  for the device to appear, or the server to answer
  --keep-raw                save the whole ELF vmcore as well
  --attempt WHICH           first; again: with the least memory; rootfs: without hooks (default: first)
  --help                    print this
`;

/** Milliseconds for what was left open after a bug. */
const lingering = 5000;

/** Never returns when the save ended: see below. E_USAGE for a wrong command line. */
export async function runSave(words: readonly string[]): Promise<ExitStatus> {
  const options = parseSaveOptions(words);
  if (options === 'help') {
    standardOutput().write(saveHelp);
    return ExitStatus.done;
  }
  let status: ExitStatus;
  try {
    status = await run(options);
  } catch (error) {
    // A bug of ours, which is still to be told of.
    setTimeout(() => process.exit(), lingering).unref();
    throw error;
  }
  // All is on the disk and told. Neither what was left open (a connection that does not close) nor the end of threads is waited for.
  process.exit(status);
}

function parseSaveOptions(words: readonly string[]): SaveOptions | 'help' {
  const { values } = parsed(words);
  if (values.help) return 'help';
  return {
    config: values.config,
    vmcore: values.vmcore,
    attempt: attemptOf(values.attempt),
    hookTimeout: seconds('--hook-timeout', values['hook-timeout']),
    targetTimeout:
      values['target-timeout'] === undefined
        ? undefined
        : seconds('--target-timeout', values['target-timeout']),
    keepRaw: values['keep-raw'],
  };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        config: { type: 'string', default: '/etc/kdump.conf' },
        vmcore: { type: 'string', default: '/proc/vmcore' },
        attempt: { type: 'string', default: 'first' },
        'hook-timeout': { type: 'string', default: '300' },
        'target-timeout': { type: 'string' },
        'keep-raw': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (cause) {
    // Its first sentence tells what is wrong, the others how positional arguments are written.
    throw wrongUse(cause instanceof Error ? cause.message.replace(/\. .*/s, '') : String(cause));
  }
}

function attemptOf(text: string): Attempt {
  const attempt = attempts.find((one) => one === text);
  if (attempt !== undefined) return attempt;
  throw wrongUse(`--attempt ${text}: it is one of ${attempts.join(', ')}`);
}

function seconds(option: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw wrongUse(`${option} ${text}: it is not a number of seconds`);
}

const wrongUse = (what: string): VmcoreError =>
  new VmcoreError('E_USAGE', `save: ${what}`, { hint: 'see vmcore save --help' });

async function run(options: SaveOptions): Promise<ExitStatus> {
  leaveMark('began');
  const journal = kernelJournal();
  const abort = new AbortController();
  process.once('SIGTERM', () => abort.abort());
  let plan: SavePlan;
  try {
    plan = readPlan(options.config, journal);
  } catch (error) {
    tellFailure(error, journal);
    throw error;
  }
  try {
    return statusOf(await save(requestOf(options, plan, abort.signal), journal));
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    // Not by its own status: 4 says here that a dump is there.
    process.stderr.write(`${programName}: ${error.toLine()}\n`);
    return statusOfError(error);
  }
}

function requestOf(options: SaveOptions, plan: SavePlan, abort: AbortSignal): SaveRequest {
  const { target, path } = plan;
  const time = new Date();
  const { targetTimeout } = options;
  const limits =
    targetTimeout === undefined ? {} : { device: targetTimeout * 1000, server: targetTimeout * 1000 };
  return {
    vmcore: options.vmcore,
    plan,
    attempt: options.attempt,
    also: options.keepRaw ? 'raw' : 'nothing',
    hookFolders,
    hookLimit: options.hookTimeout,
    openNetwork: networkOfImage(),
    openStore: (address, journal, blocking) =>
      openStore({ target, path, address, time, limits, blocking }, journal),
    abort,
  };
}
