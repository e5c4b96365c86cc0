/** start and rebuild: what may build the image. To be called with the service locked (withService). */
import { checkReservation } from '../../kexec/status.ts';
import { thisSystem } from '../image/machine/live-system.ts';
import { buildServiceImage, ensureImage, planServiceImage, whyStale } from './build.ts';
import { loadImage, type WhenToLoad } from './loading.ts';
import { tellOfNewDump } from './new-dumps.ts';
import { reachTarget } from './reach-target.ts';
import { recoverRawDump } from './recover.ts';
import { type Service, usableConfiguration } from './service.ts';
import { type ImageRecord, readState } from './state.ts';
import { plannedStatus, type ServiceStatus } from './status.ts';

export interface Started {
  /** "was armed": with this very image, command line and kernel. */
  readonly outcome: 'armed' | 'was armed';
  /** Why the image was built; empty when it was not. */
  readonly built: readonly string[];
  readonly status: ServiceStatus;
}

/**
 * Arms the crash kernel as the configuration wants it, building the image when that is needed. Errors: E_FILE for a configuration that cannot be
 * used, E_NEEDS without a reservation, and those of planning, building and loading.
 */
export async function start(service: Service, load: WhenToLoad): Promise<Started> {
  const configuration = usableConfiguration(service);
  const { conf, sysconfig } = configuration;
  await recoverRawDump(conf, service.log);
  checkReservation();
  const planned = await planServiceImage(service, configuration);
  const system = thisSystem();
  await reachTarget(planned.plan.conf.target, planned.plan.conf.path, system, service.log);
  const { record, built } = await ensureImage(service, configuration, planned);
  const isNew = loadImage(service, sysconfig, record, load);
  const status = await plannedStatus(service, planned, system);
  tellOfNewDump(service.places, status.newestDump, sysconfig.notify ? 'tell' : 'silent', service.log);
  return { outcome: isNew ? 'armed' : 'was armed', built, status };
}

/** Builds the image anew whatever there is, and loads nothing. */
export async function rebuild(service: Service): Promise<ImageRecord> {
  const configuration = usableConfiguration(service);
  const planned = await planServiceImage(service, configuration, 'image');
  const stale = whyStale(planned, readState(service.places).image);
  return buildServiceImage(service, planned, stale.length > 0 ? stale : ['you asked for it']);
}
