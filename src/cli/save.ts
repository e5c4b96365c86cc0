/** `vmcore save`: in the capture kernel, the whole save flow. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type ExitStatus, VmcoreError } from '../base/errors.ts';
import { kernelJournal } from '../tools/kdumpctl/journal.ts';
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
import { programName } from './ending.ts';

interface SaveOptions {
  readonly config: string;
  readonly vmcore: string;
  readonly attempt: Attempt;
  readonly hookTimeout: number;
  readonly targetTimeout?: number;
  readonly keepRaw?: true;
}

/** Milliseconds for what was left open after a bug. */
const lingering = 5000;

export const saveCommand = (): Command =>
  new Command('save')
    .description('in the capture kernel: save /proc/vmcore to the target of kdump.conf')
    .option('--config <file>', 'the configuration', '/etc/kdump.conf')
    .option('--vmcore <file>', 'the dump to save', '/proc/vmcore')
    .option('--hook-timeout <seconds>', 'for each program of the administrator', seconds, 300)
    .option('--target-timeout <seconds>', 'for the device to appear, or the server to answer', seconds)
    .option('--keep-raw', 'save the whole ELF vmcore as well')
    .addOption(
      new Option('--attempt <which>', 'first; again: with the least memory; rootfs: without hooks')
        .choices(attempts)
        .default('first'),
    )
    .action(async (options: SaveOptions) => {
      try {
        process.exitCode = await run(options);
      } catch (error) {
        // A bug of ours, which is still to be told of.
        setTimeout(() => process.exit(), lingering).unref();
        throw error;
      }
      // All is on the disk and told. Neither what was left open (a connection that does not close) nor the end of threads is waited for.
      process.exit();
    });

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
    hookLimit: options.hookTimeout,
    openNetwork: networkOfImage(),
    openStore: (address, journal, blocking) =>
      openStore({ target, path, address, time, limits, blocking }, journal),
    abort,
  };
}

function seconds(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is not a number of seconds.');
}
