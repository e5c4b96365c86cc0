/** What is armed, in values: the text for people is describe.ts's. */

import { VmcoreError } from '../../../base/errors.ts';
import { isLoaded, reservedBytes } from '../../kexec/status.ts';
import { checkConfiguration } from '../conf/check.ts';
import { isError } from '../conf/problem.ts';
import { targetText } from '../conf/target.ts';
import { type PlannedImage, planServiceImage, whyStale } from './build.ts';
import { largestDump } from './dump-size.ts';
import { readLastTest, type TestRecord } from './last-test.ts';
import { newestDump } from './new-dumps.ts';
import type { Service } from './service.ts';
import { bootId, isSameFile, readState, type ServiceState, stampOf } from './state.ts';
import { type HowFar, type Room, targetRoom } from './target-room.ts';

export interface ServiceStatus {
  readonly armed: boolean;
  /** Bytes that crashkernel= reserved. */
  readonly reserved: number;
  /** What is loaded; undefined when nothing is, or something that is not ours. */
  readonly loaded: LoadedStatus | undefined;
  /** Undefined when the configuration does not tell. */
  readonly target: TargetStatus | undefined;
  /** What has changed since the image was built or loaded; empty when nothing has. */
  readonly stale: readonly string[];
  /** Why the configuration could not be compared with what is loaded. */
  readonly unknown: string | undefined;
  readonly lastTest: TestRecord | undefined;
  /** The newest dump on this machine: its folder. */
  readonly newestDump: string | undefined;
}

export interface LoadedStatus {
  readonly kernel: string;
  readonly release: string;
  readonly image: string;
  /** Bytes. */
  readonly imageSize: number;
  /** ISO 8601, UTC. */
  readonly imageBuilt: string;
  readonly loadedAt: string;
  readonly call: string;
}

export interface TargetStatus {
  /** `ext4 UUID=…`. */
  readonly target: string;
  readonly folder: string;
  readonly room: Room;
  /** Bytes that a dump would have now, at most and before compression. */
  readonly largestDump: number;
}

/** Looks at everything and changes nothing. E_NEEDS on a kernel without kexec. */
export async function serviceStatus(service: Service): Promise<ServiceStatus> {
  try {
    const configuration = checkConfiguration(service.files);
    if (!configuration.isUsable) {
      const [first] = configuration.problems.filter(isError);
      return unplanned(service, `the configuration has mistakes: ${first?.what}`);
    }
    const planned = await planServiceImage(service, configuration);
    return await plannedStatus(service, planned, 'look');
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return unplanned(service, error.toLine());
  }
}

/** The status when the plan is known already. */
export async function plannedStatus(
  service: Service,
  planned: PlannedImage,
  howFar: HowFar,
): Promise<ServiceStatus> {
  const { plan } = planned;
  const { target, path, collector } = plan.conf;
  const status = unplanned(service, undefined);
  const folder = plan.place.kind === 'mounted' ? plan.place.folder : undefined;
  return {
    ...status,
    target: {
      target: targetText(target),
      folder: path,
      room: await targetRoom(plan.place, target, path, howFar),
      largestDump: largestDump(collector),
    },
    stale: status.armed ? staleness(planned, readState(service.places)) : [],
    newestDump: folder === undefined ? undefined : newestDump(folder),
  };
}

function unplanned({ places }: Service, unknown: string | undefined): ServiceStatus {
  const state = readState(places);
  const armed = isLoaded('crash');
  return {
    armed,
    reserved: reservedBytes(),
    loaded: armed ? loadedStatus(state) : undefined,
    target: undefined,
    stale: [],
    unknown,
    lastTest: readLastTest(places),
    newestDump: undefined,
  };
}

/** What this service loaded in this boot. */
function loadedStatus({ image, loaded }: ServiceState): LoadedStatus | undefined {
  if (loaded === undefined || loaded.bootId !== bootId()) return undefined;
  return {
    kernel: loaded.kernel,
    release: image?.release ?? '',
    image: loaded.image,
    imageSize: loaded.stamp.size,
    imageBuilt: image?.builtAt ?? '',
    loadedAt: loaded.at,
    call: loaded.call,
  };
}

function staleness(planned: PlannedImage, state: ServiceState): readonly string[] {
  const { loaded, image } = state;
  if (loaded === undefined || loaded.bootId !== bootId()) {
    return ['something else than this service loaded the crash kernel'];
  }
  const ofImage = whyStale(planned, image);
  if (ofImage.length > 0) return ofImage;
  return isSameFile(loaded.stamp, stampOf(planned.path)) && loaded.image === planned.path
    ? []
    : ['the image was built anew since it was loaded'];
}
