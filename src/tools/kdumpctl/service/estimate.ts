/**
 * What crashkernel= should reserve, from what was measured on this machine where something was; each number says where it is from.
 *
 * Facts: do_estimate() of kdumpctl (kdump-utils 63f248c), which adds the sizes of kernel and modules, three times the image, and 16 MiB. Ours
 * believes a measurement: what the capture kernel of the last `kdumpctl test` had left.
 */
import { statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { readKernelImage } from '../../kexec/images/read-image.ts';
import { machineArch, readLoaded } from '../../kexec/machine-plan.ts';
import { reservedBytes } from '../../kexec/status.ts';
import { defaultCrashkernel } from '../conf/default-crashkernel.ts';
import { thisMachine } from '../conf/this-machine.ts';
import { crashkernelFor } from './crashkernel-size.ts';
import type { TestRecord } from './last-test.ts';
import type { ImageRecord } from './state.ts';

export interface EstimateLine {
  readonly what: string;
  /** Bytes. */
  readonly bytes: number;
  /** Where the number is from. */
  readonly from: string;
}

export interface Estimate {
  readonly lines: readonly EstimateLine[];
  /** Bytes. */
  readonly reserved: number;
  readonly recommended: number;
  /** "measured": by the last test; "default": of the table, or what kernel and image need when that is more. */
  readonly basis: 'measured' | 'default';
  readonly enough: boolean;
}

export interface EstimateFacts {
  readonly reserved: number;
  /** What the table of defaults reserves on this machine; 0 where it reserves nothing. */
  readonly usual: number;
  /** Of the kernel, as it runs. */
  readonly kernelSize: number;
  readonly imageSize: number;
  readonly test: TestRecord | undefined;
}

const mebibyte = 2 ** 20;
/** Kept free on top of what was used when it was measured: another disk, another driver, a longer list of processes. */
const spare = { share: 0.2, least: 32 * mebibyte };
/** What a kernel and a program use beside their images, when nothing was measured: seen in rehearsals with level 31 and zstd on one processor. */
const runtime = 64 * mebibyte;
const step = 16 * mebibyte;

export function estimate({ reserved, usual, kernelSize, imageSize, test }: EstimateFacts): Estimate {
  const measured = usedIn(test);
  const lines: EstimateLine[] = [
    { what: 'Kernel', bytes: kernelSize, from: 'the size it has in memory, by its image' },
    { what: 'Capture image', bytes: imageSize, from: 'the file' },
  ];
  if (test !== undefined && measured !== undefined && test.leastAvailable !== undefined) {
    lines.push(
      { what: 'Reserved then', bytes: test.reserved, from: `kdumpctl test of ${test.when}` },
      { what: 'Left at least', bytes: test.leastAvailable, from: 'the same test' },
    );
  } else {
    lines.push({
      what: 'Kernel and programs at work',
      bytes: runtime,
      from: 'experience; kdumpctl test measures it',
    });
  }
  if (usual > 0)
    lines.push({ what: 'Usual', bytes: usual, from: 'get-default-crashkernel, for this much memory' });
  // The image is in memory twice while it is unpacked.
  const computed = kernelSize + 2 * imageSize + runtime;
  const needed =
    measured === undefined
      ? Math.max(usual, computed)
      : measured + Math.max(spare.least, measured * spare.share);
  const recommended = Math.ceil(needed / step) * step;
  return {
    lines,
    reserved,
    recommended,
    basis: measured === undefined ? 'default' : 'measured',
    enough: reserved >= recommended,
  };
}

/** What the capture kernel used in the test at most, as far as it told: all that it did not have available. */
function usedIn(test: TestRecord | undefined): number | undefined {
  if (test === undefined || !test.arrived || test.leastAvailable === undefined) return undefined;
  return test.reserved - test.leastAvailable;
}

/** Asked of this machine. Errors of reading the kernel's image. */
export function estimateFacts(image: ImageRecord, test: TestRecord | undefined): EstimateFacts {
  const { arch, pageSize, extras } = thisMachine();
  const kernel = image.kernel.image;
  return {
    reserved: reservedBytes(),
    usual: crashkernelFor(defaultCrashkernel(arch, pageSize, extras), totalmem() + reservedBytes()),
    kernelSize: readKernelImage(readLoaded(kernel), kernel, machineArch()).memorySize,
    imageSize: statSync(image.path).size,
    test,
  };
}
