/** The service's answers in plain words. */
import { formatSize } from '../../../base/units.ts';
import type { TestRecord } from './last-test.ts';
import type { Started } from './start.ts';
import type { ServiceStatus, TargetStatus } from './status.ts';

type Field = readonly [label: string, value: string];

/** The first line is what scripts look for: kdumpctl of kdump-utils says the same. */
export const statusHeadline = ({ armed }: ServiceStatus): string =>
  armed ? 'Kdump is operational' : 'Kdump is not operational';

export const startHeadline = ({ outcome }: Started): string =>
  outcome === 'armed' ? 'Kdump is armed' : 'Kdump was armed already, with this very image';

/** `label  value` lines. `now`: milliseconds since 1970. */
export function statusFields(status: ServiceStatus, now = Date.now()): readonly Field[] {
  const { loaded, target, lastTest } = status;
  const fields: Field[] = [];
  if (loaded !== undefined) {
    fields.push(
      ['Kernel', `${loaded.kernel} (by ${loaded.call}, ${ageText(loaded.loadedAt, now)})`],
      ['Image', `${loaded.image}, ${formatSize(loaded.imageSize)}, built ${ageText(loaded.imageBuilt, now)}`],
    );
  }
  fields.push([
    'crashkernel',
    status.reserved === 0 ? 'nothing is reserved' : `${formatSize(status.reserved)} reserved`,
  ]);
  if (target !== undefined) fields.push(['Target', targetLine(target)]);
  if (status.newestDump !== undefined) fields.push(['Newest dump', status.newestDump]);
  if (lastTest !== undefined) fields.push(['Last test', testLine(lastTest, now)]);
  return fields;
}

/** What somebody should do something about, a line each. */
export function statusWarnings(status: ServiceStatus): readonly string[] {
  const { target, armed, stale, unknown, reserved } = status;
  const warnings: string[] = [];
  if (armed && stale.length > 0) {
    warnings.push(`what is loaded is not what the configuration says: ${stale.join('; ')}`);
    warnings.push('vmcore kdumpctl start builds and loads that, unless force_no_rebuild is 1');
  }
  if (unknown !== undefined) warnings.push(unknown);
  if (!armed && reserved === 0) {
    warnings.push('no memory is reserved for a crash kernel: vmcore kdumpctl reset-crashkernel, then reboot');
  }
  const room = target?.room.bytes;
  if (target !== undefined && room !== undefined && room < target.largestDump) {
    warnings.push(
      `a dump has up to ${formatSize(target.largestDump)} before compression, and the target ${formatSize(room)} of room`,
    );
  }
  return warnings;
}

function targetLine({ target, folder, room }: TargetStatus): string {
  const free =
    room.bytes === undefined ? `free space unknown: ${room.why}` : `${formatSize(room.bytes)} free`;
  return target.startsWith('raw ') ? `${target}, ${free}` : `${target}, folder ${folder}, ${free}`;
}

function testLine(test: TestRecord, now: number): string {
  const seconds = test.seconds === undefined ? '' : ` in ${test.seconds.toFixed(0)} s`;
  const spare =
    test.leastAvailable === undefined
      ? ''
      : `, ${formatSize(test.leastAvailable)} of ${formatSize(test.reserved)} to spare`;
  const what = test.arrived ? `the dump arrived${seconds}${spare}` : 'no whole dump arrived';
  return `${ageText(test.when, now)}: ${what}`;
}

const steps = [
  { seconds: 86_400, name: 'day' },
  { seconds: 3600, name: 'hour' },
  { seconds: 60, name: 'minute' },
] as const;

/** `3 minutes ago`; `when` is ISO 8601. */
export function ageText(when: string, now: number): string {
  const age = (now - Date.parse(when)) / 1000;
  if (!Number.isFinite(age)) return 'at an unknown time';
  if (age < 60) return 'just now';
  const { seconds, name } = steps.find((step) => age >= step.seconds) ?? steps[2];
  const count = Math.floor(age / seconds);
  return `${count} ${name}${count === 1 ? '' : 's'} ago`;
}
