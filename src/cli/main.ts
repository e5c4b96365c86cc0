/**
 * The command line of a checkout: every command.
 *
 * Only the code of the command that is run is loaded: start-up counts when a dump answers in milliseconds.
 */
import { programName, runToEnd } from './ending.ts';

const [first, ...others] = process.argv.slice(2);
if (first === 'makedumpfile') {
  // It reads its options itself; commander would take longer to load than all that it needs.
  const { runMakedumpfile } = await import('./makedumpfile.ts');
  await runToEnd(programName, () => runMakedumpfile(others));
} else {
  const { runCommandLine } = await import('./commands.ts');
  await runCommandLine(process.argv.slice(2));
}
