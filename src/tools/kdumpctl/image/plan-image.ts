/** Decides what goes into the capture image of this machine: its target, the modules and programs on the way there, and what all that depends on. */
import { posix } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { type CaptureConf, captureConfText } from '../conf/capture-conf.ts';
import type { KdumpConf } from '../conf/kdump-conf.ts';
import { type NetworkPlan, networkPlanPath, networkPlanText } from '../targets/network-plan.ts';
import { captureModules, isRunningKernel, type TargetNeeds } from './capture-modules.ts';
import { type CpioEntry, privateFile } from './cpio.ts';
import { readDracutArgs } from './dracut-args.ts';
import { extraPrograms } from './extra-programs.ts';
import type { LiveSystem } from './machine/live-system.ts';
import { type Networks, networksTo } from './machine/networks.ts';
import { type ResolvedTarget, resolvePath, resolveTarget } from './machine/resolve-target.ts';
import { watchdogsOf } from './machine/watchdogs.ts';
import { cachedModuleTree } from './module-cache.ts';
import type { ImagePlan, ImageRequest } from './plan.ts';
import { planInputs } from './plan-inputs.ts';
import { type SshFiles, sshFiles, sshProgramPath } from './ssh-files.ts';

/**
 * Looks at the machine and the files that the configuration names; changes nothing. Errors: E_UNSUPPORTED for a target on what the built-in image
 * does not bring up (LVM, LUKS, md, multipath, bonded cards, …), E_FILE for what is named and not there, E_NEEDS for what is not installed.
 */
export async function planImage(request: ImageRequest): Promise<ImagePlan> {
  const { machine, kernel, bringUp = 'image' } = request;
  const dracut = readDracutArgs(request.conf.dracutArgs);
  const conf: KdumpConf = {
    ...request.conf,
    extraBins: [...request.conf.extraBins, ...dracut.programs],
    extraModules: [...request.conf.extraModules, ...dracut.modules],
  };
  const resolved = await resolveTarget(machine, conf);
  const { target } = resolved;
  const ssh = target.kind === 'ssh' ? await sshFiles(machine, target) : undefined;
  const network = bringUp === 'image' ? await networkOf(machine, resolved, ssh, conf) : noNetwork;
  const rootfs = conf.failureAction === 'dump_to_rootfs' ? await rootFileSystem(machine) : undefined;
  const index = await cachedModuleTree(kernel.moduleTree);
  const captureKernel = { index, isRunning: isRunningKernel(machine, index.release) };
  const watchdogs = watchdogsOf(machine, captureKernel);
  const needs: TargetNeeds[] = [
    { target, device: resolved.device, cards: network.devices, network: network.plan },
    ...(rootfs === undefined
      ? []
      : [{ target: rootfs.target, device: rootfs.device, cards: [], network: undefined }]),
  ];
  const modules = captureModules(machine, captureKernel, needs, watchdogs, { conf, bringUp });
  const programs = extraPrograms(machine, conf);
  const captureConf = confOf(conf, resolved);
  const files: CpioEntry[] = [
    privateFile('etc/kdump.conf', captureConfText(captureConf)),
    ...(rootfs === undefined ? [] : [privateFile('etc/kdump-rootfs.conf', rootfsConfText(conf, rootfs))]),
    ...(network.plan === undefined ? [] : networkFiles(network.plan)),
    ...(ssh?.entries ?? []),
    ...programs.entries,
  ];
  const extra = new Map(programs.elf);
  if (ssh !== undefined) extra.set('ssh', sshProgramPath());
  const plan = {
    kernel,
    conf: captureConf,
    place: resolved.place,
    modules,
    watchdogs: watchdogs.drivers,
    network: network.plan,
    files,
    extraPrograms: extra,
    programs: request.programs,
    entry: request.entry,
    warnings: [
      ...resolved.warnings,
      ...(rootfs?.warnings ?? []),
      ...network.warnings,
      ...programs.warnings,
      ...dracut.ignored.map((option) => `dracut_args: ${option} has no effect on the built-in capture image`),
    ],
  };
  return { ...plan, inputs: await planInputs(plan) };
}

function confOf(conf: KdumpConf, { target, path }: ResolvedTarget): CaptureConf {
  const { collector, hooks, failureAction, finalAction, fence } = conf;
  return { target, path, collector, hooks, failureAction, finalAction, fence };
}

const noNetwork: Networks = { plan: undefined, devices: [], warnings: [] };

function networkOf(
  machine: LiveSystem,
  { target }: ResolvedTarget,
  ssh: SshFiles | undefined,
  { fence }: KdumpConf,
): Promise<Networks> {
  const server = ssh?.host ?? (target.kind === 'nfs' ? target.server : undefined);
  return networksTo(machine, server, fence.nodes);
}

/** Where dump_to_rootfs saves to. */
async function rootFileSystem(machine: LiveSystem): Promise<ResolvedTarget> {
  try {
    return await resolvePath(machine, '/');
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    throw new VmcoreError(error.code, `the root file system: ${error.message}`, {
      file: error.file,
      hint: 'write another failure_action than dump_to_rootfs',
      cause: error,
    });
  }
}

/** The same, but for a dump that is a file of its own there. */
function rootfsConfText(conf: KdumpConf, rootfs: ResolvedTarget): string {
  const { collector } = conf;
  return captureConfText({
    ...confOf(conf, { ...rootfs, path: posix.join(rootfs.path, conf.path) }),
    collector: collector.kind === 'makedumpfile' ? { ...collector, output: 'file' } : collector,
    // It is what the failure of the first target led to.
    failureAction: 'reboot',
  });
}

/** A name that was resolved now need not be in the capture kernel. */
export function networkFiles(plan: NetworkPlan): CpioEntry[] {
  const hosts = [
    '127.0.0.1 localhost',
    '::1 localhost',
    ...plan.hosts.map(({ name, address }) => `${address} ${name}`),
  ];
  return [
    privateFile(networkPlanPath.slice(1), networkPlanText(plan)),
    { kind: 'file', path: 'etc/hosts', data: Buffer.from(`${hosts.join('\n')}\n`) },
    {
      kind: 'file',
      path: 'etc/resolv.conf',
      data: Buffer.from(plan.nameServers.map((address) => `nameserver ${address}\n`).join('')),
    },
  ];
}
