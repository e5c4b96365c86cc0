/** A workload that asks why there is no /proc/vmcore, and does nothing else. */
import { whyNoVmcore } from '../../src/tools/kdumpctl/missing-vmcore.ts';

process.stdout.write(`why: ${whyNoVmcore().toLine()}\n`);
