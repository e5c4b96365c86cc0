/** The steps of a save: each has a limit and an event that says how long it took; in the end all of them are told at once. */

import { VmcoreError } from '../../../base/errors.ts';
import { milliseconds } from '../../../sys/clock.ts';
import type { Journal } from '../journal.ts';
import type { Heartbeat } from './heartbeat.ts';

/** Seconds. Generous: a disk that comes back after a reset, a name server that does not answer. */
export const stepLimits = {
  /** Cards, switches, a lease. */
  network: 240,
  /** The device appears, or the server answers; the target is mounted. Each of these has a shorter limit of its own. */
  openTarget: 400,
  smallFile: 300,
  /** What is buffered reaches the target: a capture kernel cannot have much of that, a server may. */
  finishDump: 1000,
  close: 120,
} as const;

export class Steps {
  private readonly journal: Journal;
  private readonly heartbeat: Heartbeat;
  private readonly seconds = new Map<string, number>();
  private readonly started = milliseconds();

  constructor(journal: Journal, heartbeat: Heartbeat) {
    this.journal = journal;
    this.heartbeat = heartbeat;
  }

  /**
   * Waits for `work` no longer than `limit` seconds, and then throws E_IO: who stands still while this thread is not free is ended by stage 0.
   * What `work` does after that does not count any more.
   */
  async limited<T>(name: string, limit: number, work: () => T | Promise<T>): Promise<T> {
    return this.waited(name, async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(tooLate(name, limit)), limit * 1000);
      });
      try {
        return await Promise.race([work(), late]);
      } finally {
        clearTimeout(timer);
      }
    });
  }

  /** For work that has a limit of its own. */
  waited<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    return this.heartbeat.during(this.timed(name, work));
  }

  /** Without a limit: the work shows its progress by the heartbeat. */
  async timed<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.heartbeat.beat();
    const started = milliseconds();
    try {
      return await work();
    } finally {
      const seconds = secondsSince(started);
      this.seconds.set(name, rounded((this.seconds.get(name) ?? 0) + seconds));
      this.journal.event('step-done', { step: name, seconds });
    }
  }

  /** Where the time went: seconds by step, and of all. */
  tell(): void {
    this.journal.event('save-times', {
      seconds: secondsSince(this.started),
      steps: Object.fromEntries(this.seconds),
    });
  }
}

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;
const secondsSince = (started: number): number => rounded((milliseconds() - started) / 1000);

const tooLate = (step: string, limit: number): VmcoreError =>
  new VmcoreError('E_IO', `${step}: not done after ${limit} seconds`, {
    hint: 'is the target reachable from the capture kernel? vmcore kdumpctl test',
  });
