/** A rehearsal's guest as it runs: its console becomes a timeline, and progress for whoever watches. Why it brought no dump, in words. */
import type { Progress } from '../../base/progress.ts';
import { type Guest, type GuestRun, runGuest } from './qemu.ts';
import { Timeline } from './timeline.ts';

/** Seconds without a sign of life. The filter tells its progress; unpacking and booting under emulation are silent. */
export const silenceLimit = 120;

export interface WatchedRun {
  readonly run: GuestRun;
  readonly timeline: Timeline;
}

/** `timeout`: seconds. E_NEEDS when QEMU does not start. */
export async function watchGuest(
  guest: Guest,
  timeout: number,
  progress: Progress,
  abort: AbortSignal,
): Promise<WatchedRun> {
  const timeline = new Timeline();
  let current = 'boot';
  progress.step(current);
  const run = await runGuest(guest, { total: timeout, silence: silenceLimit, abort }, (line, seconds) => {
    const happening = timeline.line(line, seconds);
    if (happening?.kind === 'note') progress.note(happening.text);
    if (happening?.kind === 'progress') progress.advance(happening.share);
    if (happening?.kind === 'step' && happening.name !== current) {
      current = happening.name;
      progress.step(current, happening.hasShare ? 1 : undefined);
    }
    return undefined;
  });
  timeline.off(run.seconds);
  return { run, timeline };
}

/** Why there is no dump to take; undefined when there is one. `timeout`: seconds. */
export function failureOf({ run, timeline }: WatchedRun, timeout: number): string | undefined {
  const seen = `the last thing seen was "${timeline.lastLine}"`;
  if (run.end === 'aborted') return 'interrupted';
  if (timeline.trouble !== undefined) return timeline.trouble;
  if (run.end === 'timeout') return `not finished after ${timeout} seconds; ${seen}`;
  if (run.end === 'silent') return `nothing happened for ${silenceLimit} seconds; ${seen}`;
  if (run.exitStatus !== 0) return `QEMU ended with status ${run.exitStatus}: ${run.complaints || seen}`;
  if (!timeline.reached('dump-saved')) return `the guest went down without a dump; ${seen}`;
  return undefined;
}
