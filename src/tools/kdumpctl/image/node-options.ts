/**
 * What node is started with for a save. Stage 0 reads it from /vmcore/node-options; the code cache is made with the same, or V8 refuses it.
 *
 * V8's compilers come late: until they are worth it most dumps are saved, and starting them takes memory: 2 to 5 MB (bench:capture).
 */
export const nodeOptions: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--no-sparkplug',
  '--invocation-count-for-maglev=100000',
  '--invocation-count-for-turbofan=1000000',
];
