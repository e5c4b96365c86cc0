/**
 * Which kernel captures, and where its image goes.
 *
 * Source of truth: prepare_kdump_kernel(), _get_kdump_kernel_version() and prepare_kdump_bootinfo() of kdump-lib.sh (kdump-utils 63f248c). Ours besides:
 * kernels that lie beside their modules (Debian 14, kernel-install(8)).
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import type { Sysconfig } from '../conf/sysconfig.ts';
import type { CaptureKernel } from '../image/plan.ts';
import type { Places } from './places.ts';

export interface FoundKernel extends CaptureKernel {
  readonly release: string;
}

export interface BootFacts {
  /** uname -r. */
  readonly runningRelease: string;
  /** /proc/cmdline. */
  readonly commandLine: string;
  /** `/` but in tests. */
  readonly root: string;
}

/** The kernel of the sysconfig file, or else the running one. E_FILE, saying where it was looked for, when it or its modules are not there. */
export function findCaptureKernel(
  { kernelVersion, bootFolder, image }: Pick<Sysconfig, 'kernelVersion' | 'bootFolder' | 'image'>,
  facts: BootFacts,
): FoundKernel {
  const release = kernelVersion ?? withoutDebug(facts);
  const moduleTree = moduleTreeOf(release, facts.root);
  if (moduleTree === undefined) {
    throw new VmcoreError('E_FILE', `the kernel ${release} has no modules here`, {
      file: `/lib/modules/${release}`,
      hint: hintFor(kernelVersion),
    });
  }
  const machineId = readMachineId(facts.root);
  const booted = bootedFrom(facts.commandLine);
  const names = [
    ...(booted?.endsWith(release) ? [booted] : []),
    `${image.name}-${release}${image.extension}`,
    ...(machineId === '' ? [] : [`${machineId}/${release}/${image.name}`, `${machineId}/${release}/linux`]),
    ...(machineId === '' ? [] : [`EFI/Linux/${machineId}-${release}.efi`]),
  ];
  const folders = bootFolder === undefined ? ['/boot', '/boot/efi', '/efi', '/'] : [bootFolder];
  const places = folders.flatMap((folder) => names.map((name) => join(facts.root, folder, name)));
  if (bootFolder === undefined) places.push(join(moduleTree, image.name));
  const found = places.find((path) => existsSync(path));
  if (found === undefined) {
    throw new VmcoreError('E_FILE', `the kernel ${release} is not in ${folders.join(', ')}`, {
      file: join(folders[0] ?? '/boot', `${image.name}-${release}${image.extension}`),
      hint: hintFor(kernelVersion),
    });
  }
  return { image: found, moduleTree, release };
}

const hintFor = (kernelVersion: string | undefined): string =>
  kernelVersion === undefined
    ? 'install it, reboot into one that is installed, or name another with KDUMP_KERNELVER and KDUMP_BOOTDIR in sysconfig'
    : 'install it, or mend KDUMP_KERNELVER, KDUMP_BOOTDIR and KDUMP_IMG in sysconfig';

/** A debug kernel needs more memory: its plain twin is taken where that is installed. */
function withoutDebug({ runningRelease, root }: BootFacts): string {
  const plain = runningRelease.replace(/[+-]debug$/, '');
  return plain !== runningRelease && moduleTreeOf(plain, root) !== undefined ? plain : runningRelease;
}

/** Undefined when no such kernel is installed. */
export const moduleTreeOf = (release: string, root: string): string | undefined =>
  ['lib/modules', 'usr/lib/modules'].map((folder) => join(root, folder, release)).find(existsSync);

/** BOOT_IMAGE= without GRUB's name of the device: `(hd0,gpt1)/vmlinuz-6.1.0`. */
const bootedFrom = (commandLine: string): string | undefined =>
  /(?:^|\s)BOOT_IMAGE=(?:\([^)]*\))?(\S+)/.exec(commandLine)?.[1];

function readMachineId(root: string): string {
  try {
    const id = readFileSync(join(root, 'etc/machine-id'), 'latin1').trim();
    return /^[0-9a-f]{32}$/.test(id) ? id : '';
  } catch {
    return '';
  }
}

/** `initramfs-RELEASEkdump.img`: beside the kernel where its own initramfs is called so and we may write, else among what the service keeps. */
export function imagePlace({ image, release }: FoundKernel, { stateFolder }: Places): string {
  const folder = dirname(image);
  const isFedoraLike = existsSync(join(folder, `initramfs-${release}.img`));
  return join(isFedoraLike && isWritable(folder) ? folder : stateFolder, `initramfs-${release}kdump.img`);
}

function isWritable(folder: string): boolean {
  try {
    // Root may write everywhere, but not where the file system is read-only.
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
