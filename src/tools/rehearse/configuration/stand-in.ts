/**
 * What stands in for a machine's target in the rehearsal of its configuration: a disk or a server of QEMU's, and the capture image as it must be for
 * that one. As little of the image as possible is changed, and each change is told.
 */
import type { CaptureConf } from '../../kdumpctl/conf/capture-conf.ts';
import { captureConfText } from '../../kdumpctl/conf/capture-conf.ts';
import { type CpioEntry, privateFile } from '../../kdumpctl/image/cpio.ts';
import { cachedModuleTree } from '../../kdumpctl/image/module-cache.ts';
import { loadOrder } from '../../kdumpctl/image/modules.ts';
import type { ImagePlan } from '../../kdumpctl/image/plan.ts';
import type { GuestDisk, GuestNetwork } from '../devices.ts';

export interface StandIn {
  readonly plan: ImagePlan;
  readonly disks: readonly GuestDisk[];
  readonly network: GuestNetwork | undefined;
  /** What is otherwise than on the machine, a line each. */
  readonly differences: readonly string[];
  /** The newest dump that arrived, as a file here; undefined when none did. E_IO, E_NEEDS when it cannot be looked at. */
  takeDump(): Promise<string | undefined>;
  /** Ends its servers. Its files are in the folder of the rehearsal. */
  close(): Promise<void>;
}

/** A plan with other files in it: those of the same paths are replaced. */
export function withFiles(plan: ImagePlan, files: readonly CpioEntry[]): ImagePlan {
  const paths = new Set(files.map(({ path }) => path));
  return { ...plan, files: [...plan.files.filter(({ path }) => !paths.has(path)), ...files] };
}

/** A plan with another configuration, which is also a file of its. */
export const withConf = (plan: ImagePlan, conf: CaptureConf): ImagePlan =>
  withFiles({ ...plan, conf }, [privateFile('etc/kdump.conf', captureConfText(conf))]);

/** The text of a file of the plan; empty when it has none of that path. */
export function fileText(plan: ImagePlan, path: string): string {
  const found = plan.files.find((entry) => entry.kind === 'file' && entry.path === path);
  return found?.kind === 'file' && found.data instanceof Uint8Array ? Buffer.from(found.data).toString() : '';
}

/** The first of the candidates whose driver the image has. */
export const drivenBy = <Name extends string>(
  plan: ImagePlan,
  candidates: Readonly<Record<Name, string>>,
): Name | undefined => {
  const there = new Set(plan.modules.map(({ module }) => module.name));
  // The keys of a record are its names.
  return (Object.keys(candidates) as Name[]).find((name) => there.has(candidates[name]));
};

/** The plan with these modules and what they need as well. E_NEEDS when the kernel has none of that name. */
export async function withModules(plan: ImagePlan, names: readonly string[]): Promise<ImagePlan> {
  const index = await cachedModuleTree(plan.kernel.moduleTree);
  const there = new Set(plan.modules.map(({ module }) => module.name));
  const more = loadOrder(index, names).filter(({ module }) => !there.has(module.name));
  return { ...plan, modules: [...plan.modules, ...more] };
}
