/**
 * The sign of life that stage 0 looks for (stage0-watch.sh): the uptime in whole seconds, in a file. It is given where there is progress; while a
 * step is waited for that has a limit of its own, waiting is enough.
 *
 * A call that stands in the kernel leaves nobody here who could look at a clock. Its limit in seconds and what it is are written behind the uptime, and
 * stage 0 looks at the clock: "12 180 mounting ext4 /dev/vda".
 */

import { writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { milliseconds } from '../../../sys/clock.ts';
import type { BlockingCall } from '../targets/store-place.ts';

export interface Heartbeat {
  /** There was progress. Cheap: call it often. */
  beat(): void;
  /** Gives signs of life while this thread is free, until the promise is kept or broken. */
  during<T>(work: Promise<T>): Promise<T>;
  readonly blocking: BlockingCall;
}

/** Milliseconds. */
const beatEvery = 1000;

/** Never throws: without the file, only the watching is lost. */
export function startHeartbeat(file = '/tmp/heartbeat'): Heartbeat {
  let last = -Infinity;
  const write = (more: string): void => {
    last = milliseconds();
    try {
      writeFileSync(file, `${Math.floor(uptime())}${more}\n`);
    } catch {
      // Stage 0 then takes us for stuck, which is all that could be done about it here too.
    }
  };
  const beat = (): void => {
    if (milliseconds() - last >= beatEvery) write('');
  };
  beat();
  return {
    beat,
    async during(work) {
      const timer = setInterval(beat, beatEvery);
      try {
        return await work;
      } finally {
        clearInterval(timer);
      }
    },
    blocking(what, limit, call) {
      write(` ${limit} ${what}`);
      try {
        return call();
      } finally {
        write('');
      }
    },
  };
}
