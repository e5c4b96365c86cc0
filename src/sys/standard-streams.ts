/** Standard input and output as plain, blocking streams of bytes, for dumps that travel through pipes. */
import { readSync, writeSync } from 'node:fs';
import { VmcoreError } from '../base/errors.ts';
import { asVmcoreError } from './system-error.ts';

const stdin = 0;
const stdout = 1;
/** Milliseconds to wait when the other side of a non-blocking pipe is slower than we are. */
const pause = 5;

/** Is it EAGAIN? Whoever gave us the pipe set it to non-blocking: not an error, only slow. */
function mustWait(error: unknown): boolean {
  if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  return true;
}

export const standardInput = {
  name: '(standard input)',
  /** Fills `into` and returns how many bytes there were; fewer than asked only at the end. */
  read(into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      let got: number;
      try {
        got = readSync(stdin, into, done, into.length - done, null);
      } catch (error) {
        if (mustWait(error)) continue;
        throw asVmcoreError(error, 'cannot read', { file: this.name });
      }
      if (got === 0) break;
      done += got;
    }
    return done;
  },
};

export const standardOutput = {
  name: '(standard output)',
  /** Writes all of `bytes`. E_IO when the reader went away, E_NO_SPACE when it is a file and the disk is full. */
  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      try {
        done += writeSync(stdout, bytes, done, bytes.length - done);
      } catch (error) {
        if (mustWait(error)) continue;
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') {
          throw new VmcoreError('E_IO', 'the reader of the pipe went away', {
            file: this.name,
            hint: 'look at what it says, and start again',
            cause: error,
          });
        }
        throw asVmcoreError(error, 'cannot write', { file: this.name });
      }
    }
  },
};
