/** What a folder holds, for who only looks: sysfs and procfs have a folder where there is something to tell, and none elsewhere. */
import { readdirSync } from 'node:fs';

/** Names, in no order; none when it is not there, or cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
