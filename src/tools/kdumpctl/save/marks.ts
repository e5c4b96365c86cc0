/** What stage 0 has to know of a save that may end in any way (stage0.sh looks for these files). */
import { writeFileSync } from 'node:fs';

const files = {
  /** Our program runs: node, its libraries and our code are sound. */
  began: '/tmp/vmcore-save-began',
  /** The hooks after the save are run here, and not by stage 0. */
  postRan: '/tmp/vmcore-post-ran',
  /** The exit status that is to come: what is still done then, letting go of the target, cannot change it. */
  decided: '/tmp/vmcore-save-decided',
} as const;

/** Never throws. Without the mark, stage 0 may do once more what was done; outside of a capture image nobody looks for it. */
export function leaveMark(name: keyof typeof files, text = ''): void {
  try {
    writeFileSync(files[name], text);
  } catch {
    // As said.
  }
}
