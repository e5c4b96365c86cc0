/**
 * What node runs a save with.
 *
 * V8's compilers come late: until they are worth it most dumps are saved, and starting them takes memory: 2 to 5 MB (bench:capture). That is said to V8
 * only when node's own modules are loaded, because a code cache is refused where V8 has other flags than when it was made, and node has one of its
 * modules, made without any.
 */
import { setFlagsFromString } from 'node:v8';

/** On node's command line: stage 0 reads them from /vmcore/node-options. No flags of V8: the code caches would be refused. */
export const nodeOptions: readonly string[] = ['--disable-warning=ExperimentalWarning'];

/** To be called once the program is loaded, before it works. */
export function holdCompilersBack(): void {
  for (const flag of [
    '--no-sparkplug',
    '--invocation-count-for-maglev=100000',
    '--invocation-count-for-turbofan=1000000',
  ]) {
    setFlagsFromString(flag);
  }
}
