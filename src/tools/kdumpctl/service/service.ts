/** The service as one command sees it: alone, with its configuration and a log. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { withFileLock } from '../../../sys/file-lock.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import { type CheckRequest, type CheckResult, checkConfiguration, readSysconfig } from '../conf/check.ts';
import { isError, problemLine } from '../conf/problem.ts';
import { parseSysconfig, type Sysconfig } from '../conf/sysconfig.ts';
import { type Log, serviceLog } from './log.ts';
import type { Places } from './places.ts';

export interface ServiceRequest {
  readonly files: CheckRequest;
  readonly places: Places;
  /** What runs in the capture kernel: the node binary, and the entry of our program. */
  readonly runtime: { readonly node: string; readonly entry: string };
  /** Writes a line to standard error. */
  readonly stderr: (line: string) => void;
}

export interface Service extends Omit<ServiceRequest, 'stderr'> {
  readonly log: Log;
}

/** Building an image takes a minute at most; a network target is waited for another. */
const lockWait = 5 * 60_000;

/** Runs a command that changes something, when no other does. E_IO when another one takes too long, E_FILE when it may not be locked. */
export async function withService<T>(
  request: ServiceRequest,
  use: (service: Service) => Promise<T>,
): Promise<T> {
  const { lock } = request.places;
  try {
    mkdirSync(dirname(lock), { recursive: true });
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot make the folder of the lock', { file: dirname(lock) });
  }
  const log = logOf(request);
  const onWait = (): void => log.info(`another program is at work on kdump (${lock}): waiting for it`);
  return withFileLock(lock, { wait: lockWait, onWait }, () => use(serviceOf(request)));
}

/** The service for a command that only looks. */
export const serviceOf = (request: ServiceRequest): Service => ({ ...request, log: logOf(request) });

const logOf = ({ files, stderr }: ServiceRequest): Log => serviceLog(sysconfigOf(files).logLevels, stderr);

/** The sysconfig file as far as it can be understood: for what must work with a broken one. */
export function sysconfigOf({ sysconfig }: CheckRequest): Sysconfig {
  try {
    return readSysconfig(sysconfig).sysconfig;
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return parseSysconfig('', sysconfig.path).sysconfig;
  }
}

/** Both files; what is wrong with them is said. E_FILE when they cannot be used, or read. */
export function usableConfiguration({ files, log }: Service): CheckResult {
  const result = checkConfiguration(files);
  for (const problem of result.problems) {
    if (isError(problem)) log.error(problemLine(problem));
    else log.warn(problemLine({ ...problem, severity: 'error' }));
  }
  if (!result.isUsable) {
    const errors = result.problems.filter(isError);
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    throw new VmcoreError('E_FILE', `cannot be used: ${first?.what}${more}`, {
      file: first?.line === undefined ? first?.file : `${first.file}:${first.line}`,
      hint: 'vmcore kdumpctl check shows all that is wrong',
    });
  }
  return result;
}
