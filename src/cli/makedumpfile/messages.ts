/** What makedumpfile prints, by the bits of --message-level. Progress and errors go to stderr, the rest to stdout; all to stderr with -F. */
import type { Progress } from '../../base/progress.ts';
import { silentProgress } from '../../base/progress.ts';
import { Message } from '../../tools/makedumpfile/options.ts';

export class Messages {
  private readonly level: number;
  private readonly out: () => NodeJS.WritableStream;

  /** `out`: where messages go; asked for only when there is one. */
  constructor(level: number, out: () => NodeJS.WritableStream) {
    this.level = level;
    this.out = out;
  }

  has(bit: number): boolean {
    return (this.level & bit) !== 0;
  }

  common(text: string): void {
    if (this.has(Message.common)) this.out().write(text);
  }

  debug(text: string): void {
    if (this.has(Message.debug)) this.out().write(text);
  }

  report(text: string): void {
    if (this.has(Message.report)) this.out().write(text);
  }

  /** Call `end` before anything else is printed. */
  progress(): Progress & { end(): void } {
    return this.has(Message.progress) ? new ProgressLines(process.stderr) : { ...silentProgress, end() {} };
  }
}

const spinner = '/|\\-';
/** Milliseconds between two lines, as the original. */
const redrawEvery = 1000;

/** `Copying data     : [ 42.0 %] /   eta: 12s`: rewritten on a terminal; elsewhere one line when a step is done. */
class ProgressLines implements Progress {
  private readonly stream: NodeJS.WriteStream;
  private name = '';
  private total = 0;
  private done = 0;
  private started = 0;
  private drawn = 0;
  private turn = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream;
  }

  step(name: string, total = 0): void {
    // The next step begins when this one is done.
    this.done = this.total;
    this.end();
    this.name = name;
    this.total = total;
    this.done = 0;
    this.started = performance.now();
    this.drawn = this.started;
  }

  advance(done: number): void {
    this.done = done;
    const now = performance.now();
    if (!this.stream.isTTY || now - this.drawn < redrawEvery || done >= this.total) return;
    this.drawn = now;
    const share = done / this.total;
    const seconds = (now - this.started) / 1000;
    this.stream.write(`\r${this.line(share, share > 0 ? etaText(seconds / share - seconds) : '')}`);
  }

  note(text: string): void {
    if (this.stream.isTTY) this.stream.write('\r\x1b[K');
    this.stream.write(`${text}\n`);
  }

  end(): void {
    if (this.name === '') return;
    this.stream.write(
      `${this.stream.isTTY ? '\r' : ''}${this.line(this.total === 0 ? 1 : this.done / this.total, '')}\n`,
    );
    this.name = '';
  }

  private line(share: number, eta: string): string {
    const percent = (Math.floor(share * 1000) / 10).toFixed(1).padStart(5);
    return `${this.name.padEnd(50)}: [${percent} %] ${spinner[this.turn++ % 4]}  ${eta.padStart(16)}`;
  }
}

/** Two units at most: `eta: 12s`, `eta: 3m20s`, `eta: 2h5m`, `eta: 3d4h`; the original goes on to the larger ones just as late. */
export function etaText(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  if (whole < 100) return `eta: ${whole}s`;
  if (minutes < 100) return `eta: ${minutes}m${whole % 60}s`;
  if (hours < 48) return `eta: ${hours}h${minutes % 60}m`;
  return `eta: ${Math.floor(hours / 24)}d${hours % 24}h`;
}
