/** What is loaded: stop, reload, and loading the image that a start made. To be called with the service locked (withService). */
import { VmcoreError } from '../../../base/errors.ts';
import { unloadKernel } from '../../kexec/load.ts';
import { checkReservation, isLoaded } from '../../kexec/status.ts';
import { readSysconfig } from '../conf/check.ts';
import { isError, problemError } from '../conf/problem.ts';
import type { Sysconfig } from '../conf/sysconfig.ts';
import { arm, commandLineFor } from './arm.ts';
import { parseKexecArgs } from './kexec-args.ts';
import type { Service } from './service.ts';
import {
  bootId,
  type ImageRecord,
  isSameFile,
  type LoadRecord,
  readState,
  stampOf,
  writeState,
} from './state.ts';

/** "always": also when exactly this is loaded. What is loaded stays until the new one takes its place. */
export type WhenToLoad = 'when needed' | 'always';

/** False when exactly this is loaded already, and need not be again. */
export function loadImage(
  service: Service,
  sysconfig: Sysconfig,
  record: ImageRecord,
  when: WhenToLoad,
): boolean {
  const load = loadOf(service, sysconfig, record);
  const { loaded } = readState(service.places);
  if (when === 'when needed' && isLoaded('crash') && loaded !== undefined && isSameLoad(load, loaded))
    return false;
  loadNow(service, load);
  return true;
}

type PlannedLoad = Omit<LoadRecord, 'at' | 'call'>;

function loadOf({ files }: Service, sysconfig: Sysconfig, record: ImageRecord): PlannedLoad {
  const stamp = stampOf(record.path);
  const kernelStamp = stampOf(record.kernel.image);
  if (stamp === undefined || kernelStamp === undefined) {
    throw new VmcoreError('E_FILE', 'is not there', {
      file: stamp === undefined ? record.path : record.kernel.image,
      hint: 'make it: vmcore kdumpctl start',
    });
  }
  return {
    bootId: bootId(),
    image: record.path,
    stamp,
    kernel: record.kernel.image,
    kernelStamp,
    kexecArgs: sysconfig.kexecArgs,
    commandLine: commandLineFor(sysconfig, record.watchdogs, files.sysconfig.path),
  };
}

const isSameLoad = (a: PlannedLoad, b: PlannedLoad): boolean =>
  a.bootId === b.bootId &&
  a.image === b.image &&
  isSameFile(a.stamp, b.stamp) &&
  a.kernel === b.kernel &&
  isSameFile(a.kernelStamp, b.kernelStamp) &&
  a.commandLine === b.commandLine &&
  a.kexecArgs.join(' ') === b.kexecArgs.join(' ');

function loadNow({ files, places, log }: Service, load: PlannedLoad): void {
  const call = arm(
    {
      kernel: load.kernel,
      initrd: load.image,
      commandLine: load.commandLine,
      args: parseKexecArgs(load.kexecArgs, files.sysconfig.path),
    },
    (why) => log.info(`the kernel will unpack itself after a panic: ${why.toLine()}`),
  );
  writeState(places, { ...readState(places), loaded: { ...load, at: new Date().toISOString(), call } });
}

/** Unloads the crash kernel. False when none was loaded. */
export function stop({ places }: Service): boolean {
  const was = isLoaded('crash');
  unloadKernel('crash', 'auto');
  const { loaded: _, ...state } = readState(places);
  writeState(places, state);
  return was;
}

/** Loads it again, with the image that is there: processors or memory have changed, or the sysconfig file. */
export function reload(service: Service): LoadRecord {
  const { sysconfig, problems } = readSysconfig(service.files.sysconfig);
  const [error] = problems.filter(isError);
  if (error !== undefined) throw problemError(error);
  checkReservation();
  const { image } = readState(service.places);
  if (image === undefined) {
    throw new VmcoreError('E_FILE', 'there is no capture image yet', {
      file: service.places.stateFolder,
      hint: 'build and load it: vmcore kdumpctl start',
    });
  }
  if (!isLoaded('crash')) service.log.warn('the crash kernel was not loaded');
  loadNow(service, loadOf(service, sysconfig, image));
  const { loaded } = readState(service.places);
  if (loaded === undefined) throw new VmcoreError('E_IO', 'what was loaded was not remembered');
  return loaded;
}
