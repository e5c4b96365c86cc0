/** What stage 0 has to know of a save that may end in any way (stage0.sh looks for these files). */
import { writeFileSync } from 'node:fs';

const files = {
  /** Our program runs: node, its libraries and our code are sound. */
  began: '/tmp/vmcore-save-began',
  /** The hooks after the save are run here, and not by stage 0. */
  postRan: '/tmp/vmcore-post-ran',
} as const;

/** Never throws. Without the mark, stage 0 may do once more what was done; outside of a capture image nobody looks for it. */
export function leaveMark(name: keyof typeof files): void {
  try {
    writeFileSync(files[name], '');
  } catch {
    // As said.
  }
}
