/**
 * What a capture image is made from (ImageRequest) and what goes into it (ImagePlan). planImage() of plan-image.ts looks at the machine and
 * decides everything; buildImage() of build-image.ts writes what was decided and looks at nothing else.
 */
import type { CaptureConf } from '../conf/capture-conf.ts';
import type { KdumpConf } from '../conf/kdump-conf.ts';
import type { NetworkPlan } from '../targets/network-plan.ts';
import type { CpioEntry } from './cpio.ts';
import type { LiveSystem } from './machine/live-system.ts';
import type { ModuleToLoad } from './modules.ts';
import type { CapturePrograms } from './programs.ts';

/** The kernel that will capture; it need not be the running one. */
export interface CaptureKernel {
  readonly image: string;
  /** Its module tree, such as /lib/modules/6.1.0-50-amd64. */
  readonly moduleTree: string;
}

export interface ImageRequest {
  /** As checkConfiguration() judged it, without errors. */
  readonly conf: KdumpConf;
  /** Where it was read from, for messages. */
  readonly confFile: string;
  readonly kernel: CaptureKernel;
  readonly programs: CapturePrograms;
  /** The entry of our program, see bundle.ts. */
  readonly entry: string;
  readonly machine: LiveSystem;
  /**
   * Who brings up the devices and the network that lead to the target. "image", when not given: the image itself, with what is found in sysfs. "generator": the
   * initramfs of dracut or initramfs-tools, which has our files in it; then the target may be on anything that they bring up.
   */
  readonly bringUp?: 'image' | 'generator';
}

export interface ImagePlan {
  readonly kernel: CaptureKernel;
  /** The configuration with the target resolved; /etc/kdump.conf of the image is captureConfText() of it. */
  readonly conf: CaptureConf;
  readonly place: PlaceNow;
  /** In load order. */
  readonly modules: readonly ModuleToLoad[];
  /** Modules that drive this machine's watchdogs, for captureCommandLine(). */
  readonly watchdogs: readonly string[];
  /** Undefined: the target needs none. */
  readonly network: NetworkPlan | undefined;
  /** Everything of the image that is neither a module nor in the squashfs: /etc/kdump.conf, hooks, ssh's files, … */
  readonly files: readonly CpioEntry[];
  /** Programs that go into the squashfs beside node, each with its libraries: name in bin/ to file. */
  readonly extraPrograms: ReadonlyMap<string, string>;
  readonly programs: CapturePrograms;
  readonly entry: string;
  /** What an administrator should know and that does not keep the image from working, a line each. */
  readonly warnings: readonly string[];
  /** All that the image depends on. Two plans with the same inputs give the same image; see changedInputs(). */
  readonly inputs: readonly ImageInput[];
}

/** Where the dump will be, as the running system sees it: for `status`, and for how much room there is. */
export type PlaceNow =
  /** `folder` is on the target's file system, and need not exist; `mountPoint` is where that file system is mounted. */
  | { readonly kind: 'mounted'; readonly mountPoint: string; readonly folder: string }
  /** A file system that is not mounted, or a raw device: its node. */
  | { readonly kind: 'device'; readonly node: string }
  | { readonly kind: 'remote' };

export interface ImageInput {
  /** In words: "the configuration", "the module ext4", "/etc/kdump/post.d/mail.sh". No two inputs have the same. */
  readonly what: string;
  /** Changes when what it stands for does. */
  readonly fingerprint: string;
}

export interface CaptureImage {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Names, in load order. */
  readonly modules: readonly string[];
}
