/** Notices to the other nodes of a cluster, over the loopback. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { recordingJournal } from '../../../../test/support/recording-journal.ts';
import { parseFenceArgs } from '../conf/fence-args.ts';
import { startFenceNotices } from './fence.ts';

async function listening(
  family: 'udp4' | 'udp6',
  address: string,
): Promise<{ socket: Socket; got: string[] }> {
  const socket = createSocket(family);
  const got: string[] = [];
  socket.on('message', (message) => got.push(message.toString('hex')));
  socket.bind(0, address);
  await once(socket, 'listening');
  return { socket, got };
}

describe('fence_kdump notices', () => {
  it('are what fence_kdump_send sends, at once and again, until they are stopped', async () => {
    const { socket, got } = await listening('udp4', '127.0.0.1');
    const journal = recordingJournal();
    const notices = startFenceNotices(
      {
        nodes: ['127.0.0.1', 'no-such-node.invalid'],
        args: ['-p', String(socket.address().port), '-i', '1'],
      },
      journal,
    );
    await sleep(2500);
    notices.stop();
    await sleep(200);
    const sent = got.length;
    // As caught from fence_kdump_send 4.12.1 on x86_64.
    assert.deepEqual([...new Set(got)], ['402a301b01000000']);
    assert.ok(sent === 3, `${sent} messages`);
    await sleep(1200);
    assert.equal(got.length, sent);
    socket.close();
    assert.deepEqual(
      journal.events.map(({ name, fields }) => [name, fields.node]),
      [
        ['fence-notices', undefined],
        ['fence-failed', 'no-such-node.invalid'],
      ],
    );
  });

  it('stop by themselves after the count that is asked for', async () => {
    const { socket, got } = await listening('udp4', '127.0.0.1');
    const port = String(socket.address().port);
    const fence = { nodes: ['127.0.0.1'], args: [`--ipport=${port}`, '-i1', '-c', '1'] };
    const notices = startFenceNotices(fence, recordingJournal());
    await sleep(1500);
    assert.equal(got.length, 1);
    notices.stop();
    socket.close();
  });

  it('are not sent where there is no cluster', () => {
    const journal = recordingJournal();
    startFenceNotices({ nodes: [], args: [] }, journal).stop();
    assert.deepEqual(journal.events, []);
  });
});

describe('fence_kdump_args', () => {
  it('are the options of fence_kdump_send', () => {
    assert.deepEqual(parseFenceArgs([]), { port: 7410, family: 0, count: 0, interval: 10 });
    assert.deepEqual(parseFenceArgs(['-p', '7411', '-f', 'ipv6', '-c', '5', '-i', '2', '-v']), {
      port: 7411,
      family: 6,
      count: 5,
      interval: 2,
    });
    assert.equal(parseFenceArgs(['--interval=30']).interval, 30);
  });

  it('that it does not have are refused by name', () => {
    for (const [args, what] of [
      [['-x'], /unknown option -x/],
      [['-p'], /needs a value/],
      [['-p', '70000'], /--ipport: "70000" is not a number from 1 to 65535/],
      [['-i', '0'], /--interval: "0"/],
      [['-f', 'ipx'], /"ipx" is not auto, ipv4 or ipv6/],
      [['node2'], /"node2" is no option/],
    ] as const) {
      assert.throws(() => parseFenceArgs(args), failsWith('E_USAGE', what));
    }
  });
});
