/**
 * The running system, as far as a capture image depends on it: its /proc, /sys, /dev and /etc, and what its programs (ip, blkid, findfs, ssh)
 * say. An object, so that a test can give a recorded machine.
 */
import { type Program, type ProgramResult, requireProgram, runProgram } from '../../../../sys/programs.ts';

export interface LiveSystem {
  /** The folder that /proc, /sys, /dev and /etc are in. */
  readonly root: string;
  /** Runs a program of the system and returns how it ended. E_NEEDS when it is not installed. */
  run(program: Program, args: readonly string[]): Promise<ProgramResult>;
}

/** Milliseconds; none of them has anything to wait for but a name server. */
const timeout = 30_000;

/** The system that we run on. */
export const thisSystem = (): LiveSystem => ({
  root: '/',
  run: (program, args) => runProgram(requireProgram(program), args, { timeout, env: { LC_ALL: 'C' } }),
});
