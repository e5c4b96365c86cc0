/** The servers of the rehearsals, for tests. */
export * from '../../src/tools/rehearse/servers/sshd.ts';
