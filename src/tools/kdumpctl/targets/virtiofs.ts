/** A folder of the host of a virtual machine, shared by virtiofs, as the target. */
import { targetText, type VirtiofsTarget } from '../conf/target.ts';
import type { DumpStore } from './dump-store.ts';
import { folderStoreOrClose } from './folder-store.ts';
import { mount, unmount } from './mounted.ts';
import type { StorePlace } from './store-place.ts';

/** E_IO when there is no such tag, or it cannot be mounted. */
export async function openVirtiofs(
  target: VirtiofsTarget,
  { path, name, blocking }: StorePlace,
): Promise<DumpStore> {
  const mounted = { type: 'virtiofs', source: target.tag, data: undefined };
  const root = mount(mounted, blocking);
  return await folderStoreOrClose({
    root,
    path,
    name,
    target: targetText(target),
    close: async () => unmount(mounted, root, blocking),
  });
}
