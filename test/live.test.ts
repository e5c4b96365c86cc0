/** Reading the running kernel through /proc/kcore; other kernels: matrix-live.test.ts. */
import { checkLiveKernel } from './support/live-kernel.ts';

checkLiveKernel('6.1-x86_64');
