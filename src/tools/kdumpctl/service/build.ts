/** The capture image of the service: planned, compared with the one that is there, built when it must be. */
import { mkdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { CheckResult } from '../conf/check.ts';
import { buildImage } from '../image/build-image.ts';
import { changedInputs } from '../image/inputs.ts';
import { thisSystem } from '../image/machine/live-system.ts';
import type { ImagePlan } from '../image/plan.ts';
import { planImage } from '../image/plan-image.ts';
import { ownPrograms } from '../image/programs.ts';
import { type FoundKernel, findCaptureKernel, imagePlace } from './capture-kernel.ts';
import { removeOldImages } from './old-images.ts';
import type { Places } from './places.ts';
import type { Service } from './service.ts';
import { type FileStamp, type ImageRecord, isSameFile, readState, stampOf, writeState } from './state.ts';

export interface PlannedImage {
  readonly plan: ImagePlan;
  readonly kernel: FoundKernel;
  /** Where the image goes. */
  readonly path: string;
}

/**
 * Changes nothing. Errors of findCaptureKernel() and planImage(). An image that is taken as it is (force_no_rebuild) may be one of dracut's, which brings
 * up more than ours: the target is then not judged by what ours could.
 */
export async function planServiceImage(
  { files, places, runtime }: Service,
  { conf, sysconfig }: CheckResult,
  bringUp: 'image' | 'generator' = conf.rebuild === 'never' ? 'generator' : 'image',
): Promise<PlannedImage> {
  const kernel = findCaptureKernel(sysconfig, {
    runningRelease: release(),
    commandLine: readFileSync('/proc/cmdline', 'latin1').trim(),
    root: '/',
  });
  const plan = await planImage({
    conf,
    confFile: files.config,
    kernel: { image: kernel.image, moduleTree: kernel.moduleTree },
    programs: ownPrograms(runtime.node),
    entry: runtime.entry,
    machine: thisSystem(),
    bringUp,
  });
  return { plan, kernel, path: imagePlace(kernel, places) };
}

/** Why the image that is there is not the planned one, a few words each; empty when it is. */
export function whyStale(
  { plan, path }: { readonly plan: Pick<ImagePlan, 'inputs'>; readonly path: string },
  record: Pick<ImageRecord, 'path' | 'stamp' | 'inputs'> | undefined,
): readonly string[] {
  const stamp = stampOf(path);
  if (stamp === undefined) return ['there is none'];
  if (record?.path !== path || !isSameFile(stamp, record.stamp)) {
    return ['the one that is there was made by something else'];
  }
  return changedInputs(record.inputs, plan.inputs);
}

export interface ServiceImage {
  readonly record: ImageRecord;
  /** Why it was built now; empty when it was not. */
  readonly built: readonly string[];
}

/** The image as the configuration wants it, built when that is needed (force_rebuild, force_no_rebuild). */
export async function ensureImage(
  service: Service,
  { conf }: CheckResult,
  planned: PlannedImage,
): Promise<ServiceImage> {
  const record = readState(service.places).image;
  const stale = whyStale(planned, record);
  if (conf.rebuild === 'never') return { record: asItIs(service, planned, record, stale), built: [] };
  const why = stale.length === 0 && conf.rebuild === 'always' ? ['force_rebuild is 1'] : stale;
  if (why.length === 0 && record !== undefined) return { record, built: [] };
  return { record: await buildServiceImage(service, planned, why), built: why };
}

/** force_no_rebuild: whatever is there, which may be an image that dracut or initramfs-tools made. */
function asItIs(
  { places, log }: Service,
  planned: PlannedImage,
  record: ImageRecord | undefined,
  stale: readonly string[],
): ImageRecord {
  const stamp = stampOf(planned.path);
  if (stamp === undefined) {
    throw new VmcoreError('E_FILE', 'there is no capture image, and force_no_rebuild is 1', {
      file: planned.path,
      hint: 'build it: vmcore kdumpctl rebuild',
    });
  }
  if (stale.length > 0) {
    log.warn(`the capture image is taken as it is (force_no_rebuild): ${stale.join('; ')}`);
  }
  if (record?.path === planned.path && isSameFile(record.stamp, stamp)) return record;
  // Nobody knows what it was made from.
  return remember(places, {
    ...recordOf(planned, stamp),
    builtAt: new Date(stamp.mtime).toISOString(),
    inputs: [],
  });
}

/** Builds it, whatever there is, and remembers from what. */
export async function buildServiceImage(
  { places, log }: Service,
  { plan, kernel, path }: PlannedImage,
  why: readonly string[],
): Promise<ImageRecord> {
  log.info(`building the capture image ${path}: ${why.join('; ')}`);
  for (const warning of plan.warnings) log.warn(warning);
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot make the folder of the image', { file: dirname(path) });
  }
  await buildImage(plan, path);
  const stamp = stampOf(path);
  if (stamp === undefined) throw new VmcoreError('E_IO', 'was built and is not there', { file: path });
  const record = remember(places, recordOf({ plan, kernel, path }, stamp));
  removeOldImages(places, '/', log);
  return record;
}

const recordOf = ({ plan, kernel, path }: PlannedImage, stamp: FileStamp): ImageRecord => ({
  path,
  stamp,
  builtAt: new Date().toISOString(),
  kernel: { image: kernel.image, moduleTree: kernel.moduleTree },
  release: kernel.release,
  inputs: plan.inputs,
  watchdogs: plan.watchdogs,
});

function remember(places: Places, image: ImageRecord): ImageRecord {
  writeState(places, { ...readState(places), image });
  return image;
}
