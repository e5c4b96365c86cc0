/** The test of a configuration in plain words, and as what the service remembers of it. */
import { formatSize } from '../../../base/units.ts';
import type { TestRecord } from '../../kdumpctl/service/last-test.ts';
import { formatPanicToOff } from '../report.ts';
import { headroomText } from './headroom.ts';
import type { ConfigurationTest } from './test-configuration.ts';

export const recordOf = (test: ConfigurationTest): TestRecord => ({
  when: test.when,
  arrived: test.arrived,
  seconds: test.arrived ? test.panicToOff.seconds : undefined,
  reserved: test.machine.reserved,
  leastAvailable: test.headroom.least,
  release: test.kernel.release,
  imageSize: test.captureImage.size,
});

export function formatTest(test: ConfigurationTest): string {
  const { kernel, machine, captureImage, found, headroom, differences } = test;
  const facts: readonly (readonly [string, string])[] = [
    ['kernel', `${kernel.release} (${kernel.image})`],
    [
      'machine',
      `${formatSize(machine.memory)}, ${machine.cpus} CPUs, QEMU ${machine.accelerator}, ${formatSize(machine.reserved)} reserved`,
    ],
    ['target', test.target],
    ['capture image', `${formatSize(captureImage.size)}, ${captureImage.modules.length} modules`],
    ['memory', headroomText(headroom)],
    ...(found === undefined
      ? []
      : ([
          ['dump', `${formatSize(found.info.size)}, ${found.info.detail}`],
          ['panic', found.info.panic ?? 'not in the log'],
        ] as const)),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    test.arrived ? 'The dump arrived.' : `No dump arrived: ${test.failure}`,
    '',
    ...facts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...(differences.length === 0 ? [] : ['', 'Otherwise than on this machine']),
    ...differences.map((line) => `  ${line}`),
    ...(test.serialLog === undefined ? [] : ['', `Read the serial log: ${test.serialLog}`]),
    ...(test.panicToOff.steps.length === 0 ? [] : ['', ...formatPanicToOff(test.panicToOff)]),
    '',
  ].join('\n');
}
