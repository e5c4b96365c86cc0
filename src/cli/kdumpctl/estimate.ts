/** `vmcore kdumpctl estimate`: how much crashkernel= should reserve, and where each number is from. */
import { Command } from 'commander';
import { formatSize } from '../../base/units.ts';
import type { Estimate } from '../../tools/kdumpctl/service/estimate.ts';
import { readLastTest } from '../../tools/kdumpctl/service/last-test.ts';
import { usableConfiguration, withService } from '../../tools/kdumpctl/service/service.ts';
import { printFields, printJson, printText } from '../output.ts';
import { type FileOptions, serviceRequest, withFileOptions } from './options.ts';

interface Options extends FileOptions {
  readonly json?: true;
}

export const estimateCommand = (): Command =>
  withFileOptions(
    new Command('estimate').description(
      'how much crashkernel= should reserve; builds the capture image when it has changed',
    ),
  )
    .option('--json', 'as JSON')
    .action(async (options: Options) => {
      const { ensureImage, planServiceImage } = await import('../../tools/kdumpctl/service/build.ts');
      const { estimate, estimateFacts } = await import('../../tools/kdumpctl/service/estimate.ts');
      const found = await withService(serviceRequest(options), async (service) => {
        const configuration = usableConfiguration(service);
        const planned = await planServiceImage(service, configuration);
        const { record } = await ensureImage(service, configuration, planned);
        return estimate(estimateFacts(record, readLastTest(service.places)));
      });
      if (options.json) printJson(found);
      else printEstimate(found);
    });

function printEstimate({ lines, reserved, recommended, basis, enough }: Estimate): void {
  const mebibytes = `${recommended / 2 ** 20}M`;
  printFields([
    ['Reserved', reserved === 0 ? 'nothing' : formatSize(reserved)],
    ['Recommended', `crashkernel=${mebibytes} (${basis === 'measured' ? 'measured' : 'not measured here'})`],
    ...lines.map(({ what, bytes, from }) => [what, `${formatSize(bytes)} (${from})`] as const),
  ]);
  if (!enough) {
    printText(
      `Warning: less is reserved: vmcore kdumpctl reset-crashkernel --value ${mebibytes}, then reboot\n`,
    );
  }
}
