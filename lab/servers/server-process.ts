/** The servers of the rehearsals, for tests. */
export * from '../../src/tools/rehearse/servers/server-process.ts';
