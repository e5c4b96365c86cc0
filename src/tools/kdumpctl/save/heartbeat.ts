/**
 * The sign of life that stage 0 looks for (stage0-watch.sh): the uptime in whole seconds, in a file. It is given where there is progress; while a
 * step is waited for that has a limit of its own, waiting is enough.
 */
import { writeFileSync } from 'node:fs';
import { uptime } from 'node:os';

export interface Heartbeat {
  /** There was progress. Cheap: call it often. */
  beat(): void;
  /** Gives signs of life while this thread is free, until the promise is kept or broken. */
  during<T>(work: Promise<T>): Promise<T>;
}

/** Milliseconds. */
const beatEvery = 1000;

/** Never throws: without the file, only the watching is lost. */
export function startHeartbeat(file = '/tmp/heartbeat'): Heartbeat {
  let last = -Infinity;
  const beat = (): void => {
    const now = performance.now();
    if (now - last < beatEvery) return;
    last = now;
    try {
      writeFileSync(file, `${Math.floor(uptime())}\n`);
    } catch {
      // Stage 0 then takes us for stuck, which is all that could be done about it here too.
    }
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
  };
}
