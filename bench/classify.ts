/**
 * classify.ts DUMP [LEVEL]: how long the selection of the pages to keep takes, measured inside one fresh process; prints JSON.
 * One pass over physical memory is what makedumpfile calls "Excluding unnecessary pages".
 */
import { nativeCodecs } from '../src/codecs/native.ts';
import { openDump } from '../src/formats/open.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { openFile } from '../src/sys/file-source.ts';
import { pageSelector } from '../src/tools/makedumpfile/filter.ts';
import { defaultBitmapBytes, windowsOf } from '../src/tools/makedumpfile/windows.ts';

const passes = 7;

const [path = '', level = '31'] = process.argv.slice(2);
const dump = openDump(openFile(path), { codecs: nativeCodecs(), cutShort: 'refuse' });
const selector = pageSelector(dump, new Kernel(dump), Number(level));
const seconds: number[] = [];
const processor: number[] = [];
let ram = 0;
for (let pass = 0; pass < passes; pass++) {
  ram = 0;
  const before = process.cpuUsage();
  const started = performance.now();
  const selection = selector();
  for (const window of windowsOf(dump.memory, defaultBitmapBytes)) {
    ram += selection.select(window).ram.count();
  }
  seconds.push((performance.now() - started) / 1000);
  const { user, system } = process.cpuUsage(before);
  processor.push((user + system) / 1e6);
}
process.stdout.write(`${JSON.stringify({ ram, seconds, processor })}\n`);
