/** The programs of other people that a capture image is made of: node, the libraries it asks for, and a static busybox. */
import { VmcoreError } from '../../../base/errors.ts';
import { requireProgram } from '../../../sys/programs.ts';
import { isDynamic, isElfFile } from './elf-runtime.ts';

export const busyboxStatic = { name: 'busybox', debianPackage: 'busybox-static' };

export interface CapturePrograms {
  /** The node binary. */
  readonly node: string;
  /** The folder that its loader and libraries are looked for in, as if it were /. */
  readonly root: string;
  /** A busybox that needs no libraries. */
  readonly busybox: string;
}

/** This machine's own. E_NEEDS without busybox-static. */
export const ownPrograms = (node: string): CapturePrograms => ({
  node,
  root: '/',
  busybox: staticProgram(requireProgram(busyboxStatic)),
});

/** `path`, or E_NEEDS when that busybox needs libraries, which stage 0 does not have. */
function staticProgram(path: string): string {
  if (isElfFile(path) && isDynamic(path)) {
    throw new VmcoreError('E_NEEDS', 'is not the static busybox', {
      file: path,
      hint: 'as root: apt-get install --no-install-recommends busybox-static',
    });
  }
  return path;
}
