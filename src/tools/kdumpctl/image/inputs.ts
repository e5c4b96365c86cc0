/** What a capture image depends on, and in words what of it has changed. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { ImageInput } from './plan.ts';

/** `data` itself counts. */
export const textInput = (what: string, data: string | Uint8Array): ImageInput => ({
  what,
  fingerprint: `sha256:${createHash('sha256').update(data).digest('hex')}`,
});

/** A small file counts by its bytes. E_FILE or E_IO when it cannot be read. */
export function fileInput(what: string, path: string): ImageInput {
  try {
    return textInput(what, readFileSync(path));
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file: path });
  }
}

/** A large file counts by where it is, its size and when it was written. E_FILE or E_IO when it is not there. */
export function largeFileInput(what: string, path: string): ImageInput {
  try {
    const { size, mtimeMs, ino } = statSync(path);
    return { what, fingerprint: `file:${path} ${size} ${mtimeMs} ${ino}` };
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot look at', { file: path });
  }
}

/** What an image made from `before` lacks, a few words each; empty when it is the image that `now` would give. */
export function changedInputs(before: readonly ImageInput[], now: readonly ImageInput[]): readonly string[] {
  const old = new Map(before.map(({ what, fingerprint }) => [what, fingerprint]));
  const wanted = new Set(now.map(({ what }) => what));
  return [
    ...now.flatMap(({ what, fingerprint }) => {
      const was = old.get(what);
      if (was === fingerprint) return [];
      return [was === undefined ? `${what} is new` : `${what} has changed`];
    }),
    ...before.filter(({ what }) => !wanted.has(what)).map(({ what }) => `${what} is not needed any more`),
  ];
}
