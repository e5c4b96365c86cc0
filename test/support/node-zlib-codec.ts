/** The zlib page codec by node:zlib: slow, but none of our code. */
import zlib from 'node:zlib';
import type { PageCodec } from '../../src/codecs/page-codec.ts';

export const nodeZlibCodec: PageCodec = {
  name: 'zlib',
  compress(page, into) {
    const data = zlib.deflateSync(page, { level: 1 });
    if (data.length > into.length) return 0;
    into.set(data);
    return data.length;
  },
  decompress(data, page) {
    try {
      const whole = zlib.inflateSync(data, { maxOutputLength: page.length });
      page.set(whole);
      return whole.length;
    } catch {
      return 0;
    }
  },
};
