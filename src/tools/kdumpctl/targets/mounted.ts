/**
 * Mounting the file system of a target, and letting go of it, by the system calls themselves: starting mount(8) and umount(8) takes node a third of a second
 * each in a capture kernel with one slow processor. kdump.conf takes no mount options, so there are no words of mount(8) to be understood.
 *
 * A device that does not answer keeps mount(2) in the kernel for ever, deaf to signals, and this thread with it. Nothing hangs all the same: stage 0 is told
 * before what is called and how long that may take, so that it does not wait for its own, longer limit. It says so on the console, gives us up as it gives up
 * a program that cannot be killed, and goes on with hooks and failure_action. (A mount(8) that was given up was left behind just so; only the process that
 * stays is another one.) A fsync of the dump stands in the kernel in the same way, with stage 0's own limit. When it is umount2(2) that does not come back, all
 * is safe, and stage 0 knows (save/marks.ts).
 *
 * Source of truth: man 2 mount and umount2, and for what the errors mean get_tree_bdev() in fs/super.c and the fill_super() of each file system, Linux 6.1.
 */
import { basename } from 'node:path';
import { type ErrorCode, VmcoreError } from '../../../base/errors.ts';
import { type Errno, mountCall, unmountCall } from '../../../sys/libc.ts';
import { kernelLog } from '../kernel-log.ts';
import { makeMountFolder, removeMountFolder } from './mount-folder.ts';
import type { BlockingCall } from './store-place.ts';

/** Replaying a journal takes seconds, on a slow disk array minutes; a device that does not answer takes for ever. Seconds. */
const mountLimit = 180;
/** All is on the disk before. Seconds. */
const unmountLimit = 120;

export interface Mountable {
  /** As the kernel calls it: ext4. */
  readonly type: string;
  /** A block device, or what stands for one: the tag of a virtiofs. */
  readonly source: string;
  /** The file system's own options, separated by commas. */
  readonly data: string | undefined;
}

/**
 * The folder it is mounted on. E_FILE when it is read-only, E_NEEDS when the kernel does not know the file system, E_EXISTS when it is in use, else E_IO; each
 * with what the kernel said of it.
 */
export function mount(what: Mountable, blocking: BlockingCall): string {
  const { type, source, data } = what;
  const folder = makeMountFolder();
  const [since] = process.hrtime();
  const errno = blocking(`mounting ${type} ${source}`, mountLimit, () =>
    mountCall(source, folder, type, data),
  );
  if (errno === undefined) return folder;
  removeMountFolder(folder);
  throw mountError(what, errno, kernelWords(source, since));
}

/** Writes out what is buffered and unmounts. E_IO when that fails. */
export function unmount({ type, source }: Mountable, folder: string, blocking: BlockingCall): void {
  const errno = blocking(`unmounting ${type} ${source}`, unmountLimit, () => unmountCall(folder));
  if (errno === undefined) {
    removeMountFolder(folder);
    return;
  }
  throw new VmcoreError('E_IO', `umount failed: ${errno.name === 'EBUSY' ? 'still in use' : errno.name}`, {
    file: `${type} ${source}`,
    hint: 'what was saved is on its disk already',
  });
}

interface Meaning {
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
}

/** Where mount(8) would mount a write-protected device read-only, there is nothing to be saved to. */
const readOnly: Meaning = {
  code: 'E_FILE',
  what: 'the device is write-protected, the file system is read-only',
  hint: 'name another target in kdump.conf',
};
const gone: Meaning = {
  code: 'E_FILE',
  what: 'the device is gone',
  hint: 'look at the cable, the controller, and the kernel log',
};
const damaged: Meaning = {
  code: 'E_IO',
  what: 'the file system is damaged',
  hint: 'check it when the machine is up again: fsck',
};

/** What mount(2) fails with; exported for the test. */
export function mountError({ type, source }: Mountable, errno: Errno, said: string | undefined): VmcoreError {
  const meanings: Readonly<Record<string, Meaning>> = {
    EACCES: readOnly,
    EROFS: readOnly,
    ENODEV: {
      code: 'E_NEEDS',
      what: `the kernel does not know the file system ${type}`,
      hint: 'its module is not in the capture image, or of another kernel: vmcore kdumpctl rebuild',
    },
    EBUSY: {
      code: 'E_EXISTS',
      what: 'it is in use: mounted as something else, or part of another device',
      hint: 'name the device that has the file system',
    },
    EINVAL: {
      code: 'E_IO',
      what: `there is no ${type} on it that this kernel can read`,
      hint: 'check the target in kdump.conf: blkid tells what is on a device',
    },
    EUCLEAN: damaged,
    EBADMSG: damaged,
    EIO: { code: 'E_IO', what: 'input/output error', hint: 'look at the disk' },
    ENOENT: gone,
    ENXIO: gone,
    ENOMEM: {
      code: 'E_IO',
      what: 'not enough memory',
      hint: 'reserve more for the capture kernel with crashkernel=',
    },
    EPERM: { code: 'E_FILE', what: 'operation not permitted', hint: 'run as root' },
  };
  const { code, what, hint } = meanings[errno.name] ?? {
    code: 'E_IO',
    what: errno.name,
    hint: 'check the target in kdump.conf, and that the capture image has the modules for it',
  };
  const quoted = said === undefined ? '' : ` (the kernel: "${said}")`;
  return new VmcoreError(code, `mount failed: ${what}${quoted}`, { file: `${type} ${source}`, hint });
}

/**
 * The last that the kernel's log says of a file system on `source`: `EXT4-fs (vda): …`, `BTRFS error (device vda): …`, `/dev/vda: …`. Not what it said
 * before `since`, seconds; its clock is not quite ours.
 */
function kernelWords(source: string, since: number): string | undefined {
  const name = basename(source);
  const marks = [`(${name})`, `(device ${name})`, `on device ${name}`, `<${name}>`, `${source}: `];
  return kernelLog()
    .findLast(({ time, text }) => time / 1e6 > since - 1 && marks.some((mark) => text.includes(mark)))
    ?.text.trim();
}
