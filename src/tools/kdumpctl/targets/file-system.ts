/** A file system on a block device as the target: found, mounted, and then a folder. */
import { type FileSystem, type FileSystemTarget, targetText } from '../conf/target.ts';
import type { Journal } from '../journal.ts';
import type { DumpStore } from './dump-store.ts';
import { findDevice } from './find-device.ts';
import { folderStoreOrClose } from './folder-store.ts';
import { type Mountable, mount, unmount } from './mounted.ts';
import type { StorePlace } from './store-place.ts';

/** The path on a btrfs is counted from its top, which is subvolume 5 whatever subvolume is its default (btrfs(5)). */
const mountOptions: Readonly<Partial<Record<FileSystem, string>>> = { btrfs: 'subvolid=5' };

/** E_FILE when the device does not appear or cannot be written to; what mount() throws when it cannot be mounted. */
export async function openFileSystem(
  target: FileSystemTarget,
  place: StorePlace,
  journal: Journal,
): Promise<DumpStore> {
  const { path, name, blocking } = place;
  const device = await findDevice(target.device, place, journal);
  const mounted: Mountable = {
    type: target.fileSystem,
    source: device,
    data: mountOptions[target.fileSystem],
  };
  const root = mount(mounted, blocking);
  const close = async (): Promise<void> => unmount(mounted, root, blocking);
  return await folderStoreOrClose({ root, path, name, target: targetText(target), close });
}
