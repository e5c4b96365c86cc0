/** Reading the running kernel through /proc/kcore, on kernels that npm test has no time for. */
import { checkLiveKernel } from './support/live-kernel.ts';

checkLiveKernel('7.2-x86_64');
checkLiveKernel('6.12-arm64');
