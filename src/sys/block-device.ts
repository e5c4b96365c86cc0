/** The size of a block device, which stat(2) says is 0. */
import { seekEnd } from './libc.ts';

/** Bytes. Nothing is read: a disk may be slow, or fail. */
export const deviceSize = (fd: number): number => seekEnd(fd) ?? 0;
