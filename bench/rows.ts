/** What is measured: command lines of ours, those of the peer that do the same, and how fast ours has to be. */

export interface Row {
  readonly name: string;
  readonly ours: readonly string[];
  readonly peer: readonly string[];
  /** Times faster than the peer that ours must be. */
  readonly goal: number | undefined;
  /** Only settings of the peer that use one thread. */
  readonly oneThread: boolean;
  /** What to know when reading the row. */
  readonly note?: string;
}

const snappyNote = 'no makedumpfile of Debian has snappy: its lzo stands in';

const row = (
  options: readonly string[],
  goal: number | undefined,
  peer: Pick<Row, 'note'> & { readonly peer?: readonly string[] } = {},
): Row => ({
  name: options.join(' '),
  ours: options,
  peer: peer.peer ?? options,
  goal,
  oneThread: false,
  ...(peer.note === undefined ? {} : { note: peer.note }),
});

const oneThread = (whole: Row): Row => ({
  ...whole,
  name: `${whole.name}, one thread`,
  ours: ['--num-threads', '1', ...whole.ours],
  oneThread: true,
});

const lzoForSnappy = { peer: ['-l', '-d', '31'], note: snappyNote };

export const rows: readonly Row[] = [
  row(['-z', '-d', '1'], 1.6),
  row(['-c', '-d', '31'], 3),
  row(['-l', '-d', '31'], 1),
  row(['-p', '-d', '31'], 1, lzoForSnappy),
  row(['-E', '-d', '31'], 1),
  row(['-d', '31'], undefined),
  row(['-z', '-d', '31'], undefined),
  oneThread(row(['-c', '-d', '31'], 1)),
  oneThread(row(['-z', '-d', '31'], 1)),
  oneThread(row(['-l', '-d', '31'], 1 / 1.25)),
  oneThread(row(['-p', '-d', '31'], 1 / 1.25, lzoForSnappy)),
];
