/** Run in a chroot of the machine's tree: fills the cache that its service will use, with what does not depend on our code. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownPrograms } from '../../src/tools/kdumpctl/image/programs.ts';
import { buildProgramImage } from '../../src/tools/kdumpctl/image/squashfs.ts';

const work = mkdtempSync(join(tmpdir(), 'seed-'));
try {
  const entry = fileURLToPath(new URL('../../src/cli/capture.ts', import.meta.url));
  await buildProgramImage(ownPrograms(process.execPath), entry, join(work, 'image'));
} finally {
  rmSync(work, { recursive: true });
}
