/**
 * The tree of a Debian 12 machine with systemd and udev, as debootstrap installs it: made once, kept in the cache, and never changed (who boots it
 * boots a copy).
 */
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { madeOnce } from '../../src/sys/made-once.ts';
import { requireProgram, runChecked } from '../../src/sys/programs.ts';
import { machineMirror } from '../../src/tools/rehearse/debian.ts';

export const debootstrap = { name: 'debootstrap', debianPackage: 'debootstrap' };

const suite = 'bookworm';
/** systemd and what `kdumpctl` needs; the rest of Debian's minimal system comes with them. */
const packages = [
  'systemd',
  'systemd-sysv',
  'udev',
  'kmod',
  'e2fsprogs',
  'libatomic1',
  'libstdc++6',
  'busybox-static',
  'squashfs-tools',
  'xz-utils',
  // For reset-crashkernel: update-grub.
  'grub2-common',
];
/** Raise it when what is made of the packages changes. */
const version = 3;

/** Its folder. E_NEEDS without root, debootstrap, a Debian mirror or a network; the first time it takes a minute. */
export const debianMachineTree = (progress: Progress): Promise<string> =>
  madeOnce(join(cacheDir('machines'), `${suite}-v${version}`), async (making) => {
    const tree = join(making, 'tree');
    await install(tree, progress);
    settle(tree);
    return tree;
  });

async function install(tree: string, progress: Progress): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new VmcoreError('E_NEEDS', 'debootstrap installs a machine only as root', {
      hint: 'run it as root, once: the tree is kept in the cache',
    });
  }
  const { uri, signedBy } = machineMirror();
  progress.step('installing a Debian machine with debootstrap');
  await runChecked(
    requireProgram(debootstrap),
    [
      '--variant=minbase',
      `--include=${packages.join(',')}`,
      ...(signedBy?.startsWith('/') === true ? [`--keyring=${signedBy}`] : []),
      ...[suite, tree, uri],
    ],
    { timeout: 20 * 60_000 },
  );
}

/** What an installer would have asked for, and what nobody needs in a machine that lives a minute. */
function settle(tree: string): void {
  writeFileSync(join(tree, 'etc/hostname'), 'crashing\n');
  writeFileSync(join(tree, 'etc/fstab'), '/dev/vda / ext4 errors=remount-ro 0 1\n');
  writeFileSync(join(tree, 'etc/machine-id'), '0123456789abcdef0123456789abcdef\n');
  rmSync(join(tree, 'var/cache/apt/archives'), { recursive: true, force: true });
  rmSync(join(tree, 'var/lib/apt/lists'), { recursive: true, force: true });
  for (const unit of [
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'e2scrub_all.timer',
    'fstrim.timer',
    'dpkg-db-backup.timer',
    'systemd-timesyncd.service',
    'getty.target',
    'systemd-hwdb-update.service',
  ]) {
    symlinkSync('/dev/null', join(tree, 'etc/systemd/system', unit));
  }
}
