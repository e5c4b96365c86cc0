/** Page contents for tests. */

/** A page that tells its number and is not all zeros. */
export function numberedPage(number: number, pageSize = 4096): Uint8Array {
  const page = new Uint8Array(pageSize);
  const view = new DataView(page.buffer);
  for (let at = 0; at < pageSize; at += 4) view.setUint32(at, (number + 1) * 0x10001 + at);
  return page;
}

/** A page that no codec makes smaller. */
export function noisePage(pageSize = 4096): Uint8Array {
  let state = 1;
  return new Uint8Array(pageSize).map(() => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 16;
  });
}
