/** How long work tells how far it is, without knowing who listens (a terminal, a serial console, nobody). */
export interface Progress {
  /** A named step begins; `total` in the step's own unit, when known. */
  step(name: string, total?: number): void;
  /** `done` of `total` in the current step. Called often: listeners throttle. */
  advance(done: number): void;
  /** Something worth a line of its own. */
  note(text: string): void;
}

export const silentProgress: Progress = {
  step() {},
  advance() {},
  note() {},
};
