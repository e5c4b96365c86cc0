/** Page contents for tests. */

/** A page that tells its number and is not all zeros. */
export function numberedPage(number: number, pageSize = 4096): Uint8Array {
  const page = new Uint8Array(pageSize);
  const view = new DataView(page.buffer);
  for (let at = 0; at < pageSize; at += 4) view.setUint32(at, (number + 1) * 0x10001 + at);
  return page;
}
