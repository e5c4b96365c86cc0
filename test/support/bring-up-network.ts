/** Run in a network namespace of its own: brings up the network of the plan that is named, and prints what came of it. */
import { VmcoreError } from '../../src/base/errors.ts';
import { bringUpNetwork } from '../../src/tools/kdumpctl/targets/network.ts';
import { readNetworkPlan } from '../../src/tools/kdumpctl/targets/network-plan.ts';
import { recordingJournal } from './recording-journal.ts';

const [, , file = ''] = process.argv;
const journal = recordingJournal();
let address: string | undefined;
let error: string | undefined;
try {
  address = await bringUpNetwork(readNetworkPlan(file), journal, {
    card: 2000,
    carrier: 20_000,
    lease: 6000,
  });
} catch (caught) {
  if (!(caught instanceof VmcoreError)) throw caught;
  error = caught.toLine();
}
process.stdout.write(`${JSON.stringify({ address, error, events: journal.events })}\n`);
