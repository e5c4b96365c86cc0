/** Progress on stderr: one line rewritten on a terminal, a line a step elsewhere. */
import type { Progress } from '../base/progress.ts';

const redrawEvery = 100;

export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress & { end(): void } {
  let name = '';
  let total: number | undefined;
  let started = 0;
  let drawn = 0;
  const clear = (): void => {
    if (stream.isTTY) stream.write('\r\x1b[K');
  };
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  const finishStep = (): void => {
    if (name === '') return;
    clear();
    stream.write(`${name}: ${seconds()}\n`);
    name = '';
  };
  return {
    step(next, of) {
      finishStep();
      name = next;
      total = of;
      started = performance.now();
      if (stream.isTTY) stream.write(next);
    },
    advance(done) {
      const now = performance.now();
      if (!stream.isTTY || now - drawn < redrawEvery) return;
      drawn = now;
      clear();
      const share = total === undefined || total === 0 ? '' : ` ${Math.floor((100 * done) / total)}%`;
      stream.write(`${name}:${share} (${seconds()})`);
    },
    note(text) {
      clear();
      stream.write(`${text}\n`);
    },
    end: finishStep,
  };
}
