/** A dump that lies on a raw device since the crash is brought to a file before the next one can be written over it. */
import { VmcoreError } from '../../../base/errors.ts';
import { formatSize } from '../../../base/units.ts';
import { findProgram, runProgram } from '../../../sys/programs.ts';
import type { KdumpConf } from '../conf/kdump-conf.ts';
import { type DeviceName, deviceText } from '../conf/target.ts';
import { type RecoveredDump, recoverRaw } from '../targets/recover-raw.ts';
import type { Log } from './log.ts';

/** Undefined when there is none, or it cannot be had now: that is told, and keeps nobody from being armed. */
export async function recoverRawDump(
  { target, path }: KdumpConf,
  log: Log,
): Promise<RecoveredDump | undefined> {
  if (target.kind !== 'raw') return undefined;
  try {
    const device = await nodeOf(target.device);
    const recovered = recoverRaw(device, path, new Date());
    if (recovered !== undefined) {
      const { file, outcome, bytes } = recovered;
      log.info(`the dump on ${device} is now ${file} (${formatSize(bytes)}, ${outcome})`);
    }
    return recovered;
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    log.error(`no dump could be taken off ${deviceText(target.device)}: ${error.toLine()}`);
    return undefined;
  }
}

/** Milliseconds: findfs(8) may have to read the beginning of every disk. */
const findfsLimit = 60_000;

async function nodeOf(device: DeviceName): Promise<string> {
  if (device.by === 'path') return device.value;
  const findfs = findProgram('findfs');
  if (findfs === undefined) throw new VmcoreError('E_NEEDS', 'findfs: not installed');
  const { status, stdout } = await runProgram(findfs, [deviceText(device)], { timeout: findfsLimit });
  if (status !== 0) throw new VmcoreError('E_FILE', 'no such device');
  return stdout.toString('utf8').trim();
}
