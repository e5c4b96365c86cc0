/** A folder of the host of a virtual machine, shared by virtiofs, as the target. */
import { targetText, type VirtiofsTarget } from '../conf/target.ts';
import type { DumpStore } from './dump-store.ts';
import { folderStoreOrClose } from './folder-store.ts';
import { mount, mountLimit, unmount } from './mounted.ts';
import type { StorePlace } from './store-place.ts';

/** E_IO when there is no such tag, or it cannot be mounted. */
export async function openVirtiofs(target: VirtiofsTarget, { path, name }: StorePlace): Promise<DumpStore> {
  const { tag } = target;
  const root = await mount({ type: 'virtiofs', source: tag, options: [], limit: mountLimit });
  return await folderStoreOrClose({
    root,
    path,
    name,
    target: targetText(target),
    close: () => unmount(root, tag),
  });
}
