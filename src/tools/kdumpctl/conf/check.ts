/** `kdumpctl check`: both files read and judged, and what they name looked for on this machine. Nothing is changed, mounted or connected to. */
import { accessSync, constants, statSync } from 'node:fs';
import { hostname, machine, networkInterfaces } from 'node:os';
import { type KdumpConf, type OwnNames, type ParsedConf, parseKdumpConf } from './kdump-conf.ts';
import { isError, type Problem, Problems } from './problem.ts';
import { readText } from './read-text.ts';
import { defaultSysconfig, parseSysconfig, type Sysconfig } from './sysconfig.ts';

export interface CheckRequest {
  readonly config: string;
  readonly sysconfig: { readonly path: string; readonly ifMissing: 'defaults' | 'refuse' };
}

export interface CheckResult {
  readonly conf: KdumpConf;
  readonly sysconfig: Sysconfig;
  readonly problems: readonly Problem[];
  readonly isUsable: boolean;
}

/** E_FILE or E_IO when a file cannot be read. */
export function checkConfiguration(request: CheckRequest): CheckResult {
  const parsed = parseKdumpConf(readText(request.config), request.config, ownNames());
  const { sysconfig, problems: ofSysconfig } = readSysconfig(request.sysconfig);
  const ofConf = [...parsed.problems, ...missingHere(parsed, request.config)].sort(
    (a, b) => (a.line ?? Infinity) - (b.line ?? Infinity),
  );
  const problems = [...ofConf, ...ofSysconfig];
  return { conf: parsed.conf, sysconfig, problems, isUsable: !problems.some(isError) };
}

/** The sysconfig file, or where there need not be one, what counts without it. */
export function readSysconfig({ path, ifMissing }: CheckRequest['sysconfig']): {
  readonly sysconfig: Sysconfig;
  readonly problems: readonly Problem[];
} {
  if (ifMissing === 'defaults' && statSync(path, { throwIfNoEntry: false }) === undefined) {
    return { sysconfig: defaultSysconfig(machine()), problems: [] };
  }
  return parseSysconfig(readText(path), path);
}

/** The names that a fence agent could know this machine by. */
export const ownNames = (): OwnNames => ({
  hostname: hostname(),
  addresses: Object.values(networkInterfaces()).flatMap(
    (cards) => cards?.map(({ address }) => address) ?? [],
  ),
});

/** Files that are named and not there. Warnings: the configuration may be another machine's. */
function missingHere(parsed: ParsedConf, file: string): readonly Problem[] {
  const { conf, entries } = parsed;
  const problems = new Problems(file);
  const { target, hooks } = conf;
  const expectFile = (line: number | undefined, path: string, hint: string): boolean => {
    const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
    if (!isThere) problems.warn(line, `${path} is not on this machine`, hint, 'E_FILE');
    return isThere;
  };
  if (target.kind === 'ssh') {
    expectFile(entries.get('sshkey')?.line, target.key, 'make it with ssh-keygen, and give it to the server');
  }
  // A target that could not be read has been told of.
  if (target.kind === 'path' && !parsed.problems.some(isError)) {
    expectFile(entries.get('path')?.line, conf.path, `make it: mkdir -p ${conf.path}`);
  }
  if ((target.kind === 'filesystem' || target.kind === 'raw') && target.device.by === 'path') {
    expectFile(undefined, target.device.value, 'lsblk -f shows the devices that there are');
  }
  const programs: readonly (readonly [line: number | undefined, path: string | undefined])[] = [
    [entries.get('kdump_pre')?.line, hooks.before],
    [entries.get('kdump_post')?.line, hooks.after],
    [entries.get('kdump_emergency')?.line, hooks.emergency],
    ...conf.extraBins.map((path) => [entries.get('extra_bins')?.line, path] as const),
  ];
  for (const [line, path] of programs) {
    if (path === undefined || !expectFile(line, path, 'make it before kdump is started')) continue;
    if (!canExecute(path)) problems.warn(line, `${path} cannot be executed`, `chmod +x ${path}`, 'E_FILE');
  }
  return problems.all;
}

function canExecute(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
