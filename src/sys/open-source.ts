/** Opens what a user names, a path or an address, for reading at any offset. */
import type { ByteSource } from '../base/byte-source.ts';
import { isHttpUrl } from '../base/http-ranges.ts';
import { openFile } from './file-source.ts';
import { openHttp } from './http-source.ts';
import { explainKcore } from './kcore-access.ts';

/** E_FILE when it is not there or not permitted, and as `openHttp`. */
export function openSource(pathOrUrl: string): ByteSource {
  if (isHttpUrl(pathOrUrl)) return openHttp(pathOrUrl);
  try {
    return openFile(pathOrUrl);
  } catch (error) {
    throw explainKcore(pathOrUrl, error);
  }
}
