/** A journal for tests: events are kept, and nothing reaches the kernel's log. */
import type { Journal, JournalEvent } from '../../src/tools/kdumpctl/journal.ts';

export interface RecordingJournal extends Journal {
  readonly events: JournalEvent[];
}

export function recordingJournal(): RecordingJournal {
  const events: JournalEvent[] = [];
  return { events, event: (name, fields = {}) => void events.push({ name, fields }) };
}
