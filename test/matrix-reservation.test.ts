/** crashkernel=192M and a 4 GiB machine at work: every kind of page, thousands of names, hundreds of processes. */
import { it } from 'node:test';
import { heavyLoad } from '../lab/guests/guests.ts';
import { savesIn192M } from './support/small-reservation.ts';

it('crashkernel=192M saves the dump of a 4 GiB machine at work, with the default configuration', (context) =>
  savesIn192M(context, heavyLoad));
