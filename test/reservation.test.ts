/** Is crashkernel=192M enough for a machine with 4 GiB? test:matrix asks the same of one at work. */
import { it } from 'node:test';
import { savesIn192M } from './support/small-reservation.ts';

it('crashkernel=192M saves the dump of a 4 GiB machine, with the default configuration', (context) =>
  savesIn192M(context, undefined));
