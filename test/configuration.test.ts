/**
 * What `vmcore kdumpctl test` does with a configuration: its image is made of a machine that is recorded (folders that look like its sysfs), and
 * crashed for real with stand-ins for its disk and its server.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentProgress } from '../src/base/progress.ts';
import { cacheDir } from '../src/sys/cache-dir.ts';
import { findProgram } from '../src/sys/programs.ts';
import { parseKdumpConf } from '../src/tools/kdumpctl/conf/kdump-conf.ts';
import { defaultSysconfig } from '../src/tools/kdumpctl/conf/sysconfig.ts';
import { type LiveSystem, thisSystem } from '../src/tools/kdumpctl/image/machine/live-system.ts';
import { planImage } from '../src/tools/kdumpctl/image/plan-image.ts';
import { ownPrograms } from '../src/tools/kdumpctl/image/programs.ts';
import { readLastTest, writeLastTest } from '../src/tools/kdumpctl/service/last-test.ts';
import { placesBelow } from '../src/tools/kdumpctl/service/places.ts';
import { formatTest, recordOf } from '../src/tools/rehearse/configuration/describe-test.ts';
import {
  type ConfigurationTest,
  testConfiguration,
} from '../src/tools/rehearse/configuration/test-configuration.ts';
import { debianKernel } from '../src/tools/rehearse/debian.ts';
import { ownArch } from '../src/tools/rehearse/machines.ts';
import { makeKey, publicKey, sshdProgram } from '../src/tools/rehearse/servers/sshd.ts';
import { type Recording, recordedMachine } from './support/recorded-machine.ts';

/** As Linux 6.1 shows them on QEMU's q35. */
const nvme = 'pci0000:00/0000:00:04.0';
const card = 'pci0000:00/0000:00:02.0';
const uuid = '3d0a1b52-7c6e-4f5f-9a55-1f2e3d4c5b6a';
const devices: Recording['devices'] = [
  {
    path: nvme,
    driver: 'pci/nvme',
    module: 'nvme',
    modalias: 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02',
  },
  {
    path: card,
    driver: 'pci/e1000e',
    module: 'e1000e',
    modalias: 'pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00',
  },
];

/** A root file system on the first partition of an NVMe disk, and a network card. */
const recording: Recording = {
  devices,
  blocks: [
    { name: 'nvme0n1', path: `${nvme}/nvme/nvme0/nvme0n1`, number: '259:0' },
    {
      name: 'nvme0n1p1',
      path: `${nvme}/nvme/nvme0/nvme0n1/nvme0n1p1`,
      number: '259:1',
      attributes: { partition: '1' },
    },
  ],
  cards: { enp0s2: `${card}/net/enp0s2` },
  mounts: ['22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw'],
  files: { 'var/crash/x': '', 'etc/resolv.conf': 'nameserver 192.0.2.53\n' },
  says: {
    'blkid -p -o export /dev/nvme0n1p1': `DEVNAME=/dev/nvme0n1p1\nUUID=${uuid}\nTYPE=ext4\nUSAGE=filesystem\n`,
    [`findfs UUID=${uuid}`]: '/dev/nvme0n1p1\n',
    'getent ahosts crashbox.example': '198.51.100.7 STREAM crashbox.example\n',
    'ip -json route get 198.51.100.7': '[{"dst":"198.51.100.7","gateway":"192.0.2.1","dev":"enp0s2"}]',
    'ip -json route get crashbox.example': '[]',
    'ip -json address show dev enp0s2': JSON.stringify([
      {
        ifname: 'enp0s2',
        mtu: 1500,
        link_type: 'ether',
        address: '52:54:00:aa:bb:cc',
        addr_info: [{ family: 'inet', local: '192.0.2.5', prefixlen: 24, scope: 'global' }],
      },
    ]),
    'ip -json -details link show dev enp0s2': JSON.stringify([
      { ifname: 'enp0s2', address: '52:54:00:aa:bb:cc' },
    ]),
    'ip -json -4 route show dev enp0s2': JSON.stringify([{ dst: 'default', gateway: '192.0.2.1' }]),
    'ip -json -6 route show dev enp0s2': '[]',
  },
};

interface Wanted {
  readonly conf: string;
  readonly machine: LiveSystem;
  readonly reserved: number;
}

async function rehearsed({ conf, machine, reserved }: Wanted): Promise<ConfigurationTest> {
  const { vmlinuz, modules } = await debianKernel({ progress: silentProgress });
  const image = await planImage({
    conf: parseKdumpConf(conf, 'kdump.conf').conf,
    confFile: 'kdump.conf',
    kernel: { image: vmlinuz, moduleTree: modules },
    programs: ownPrograms(process.execPath),
    entry: fileURLToPath(new URL('../src/cli/capture.ts', import.meta.url)),
    machine,
  });
  return testConfiguration(
    {
      image,
      sysconfig: defaultSysconfig('x86_64'),
      commandLine: 'BOOT_IMAGE=/boot/vmlinuz root=UUID=x ro quiet console=tty0 crashkernel=192M',
      arch: ownArch ?? 'x86_64',
      reserved,
      memory: 1024 * 2 ** 20,
      cpus: 2,
      workload: undefined,
      timeout: 300,
    },
    silentProgress,
    new AbortController().signal,
  );
}

const whyNot = (test: ConfigurationTest): string =>
  `${formatTest(test)}\n${test.serialLog === undefined ? '' : readFileSync(test.serialLog, 'latin1').slice(-4000)}`;

describe('the test of a configuration', () => {
  it('whose target is the root file system on an NVMe disk: the dump arrives on one of the same UUID and bus', async (context) => {
    const test = await rehearsed({
      conf: 'path /var/crash\n',
      machine: recordedMachine(context, recording),
      reserved: 192 * 2 ** 20,
    });
    assert.ok(test.arrived, whyNot(test));
    assert.deepEqual(test.differences, []);
    assert.equal(test.target, `ext4 UUID=${uuid}`);
    assert.ok(test.captureImage.modules.includes('nvme'));
    assert.ok(!test.captureImage.modules.includes('virtio_blk'), "the image is the machine's own");
    assert.equal(test.found?.info.release, test.kernel.release);
    const { total, least, verdict } = test.headroom;
    assert.ok(total !== undefined && least !== undefined && least < total);
    assert.equal(verdict, 'enough');
    const { seconds, steps } = test.panicToOff;
    assert.ok(Math.abs(steps.reduce((sum, step) => sum + step.seconds, 0) - seconds) < 0.01);
    assert.match(formatTest(test), /^The dump arrived\.\n(?:.*\n)*From panic to power-off: /);

    const folder = mkdtempSync(join(tmpdir(), 'vmcore-state-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const places = placesBelow(folder);
    writeLastTest(places, recordOf(test));
    assert.equal(readLastTest(places)?.leastAvailable, least);
  });

  it('whose target is an ssh server: one of this machine stands in, with the very key of the image', {
    skip: findProgram(sshdProgram.name) === undefined ? 'needs openssh-server' : false,
  }, async (context) => {
    const { machine, key } = await sshMachine(context);
    const test = await rehearsed({
      conf: `ssh dumps@crashbox.example\nsshkey ${key}\npath /srv/dumps\nfinal_action halt\n`,
      machine,
      reserved: 256 * 2 ** 20,
    });
    assert.ok(test.arrived, whyNot(test));
    assert.equal(test.target, 'ssh dumps@crashbox.example');
    assert.ok(test.captureImage.modules.includes('e1000e'));
    assert.ok(!test.captureImage.modules.includes('virtio_net'));
    assert.match(test.differences.join('\n'), /stands in for crashbox\.example/);
    assert.match(test.differences.join('\n'), /powered off where .* halt/);
    assert.equal(test.found?.info.release, test.kernel.release);
    assert.ok(!existsSync('/srv/dumps'), 'nothing is written where the real server has its dumps');
  });
});

/** The recorded one, with the real ssh, a key, and a server that is known. */
async function sshMachine(context: TestContext): Promise<{ machine: LiveSystem; key: string }> {
  // Not below /tmp, which is another one in the capture kernel.
  const folder = mkdtempSync(join(cacheDir('tests'), 'ssh-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const key = join(folder, 'key');
  await makeKey(key);
  const known = join(folder, 'known');
  writeFileSync(known, `crashbox.example ${publicKey(key)}\n`);
  const config = join(folder, 'config');
  writeFileSync(config, `Host *\n  UserKnownHostsFile ${known}\n  GlobalKnownHostsFile none\n`);
  const recorded = recordedMachine(context, {
    ...recording,
    files: { ...recording.files, [key]: readFileSync(key, 'utf8'), [known]: readFileSync(known, 'utf8') },
  });
  const system = thisSystem();
  return {
    key,
    machine: {
      root: recorded.root,
      run(program, args) {
        if (program.name === 'ssh') return system.run(program, ['-F', config, ...args]);
        if (program.name !== 'ssh-keygen') return recorded.run(program, args);
        // ssh wants its key to be its owner's alone.
        return system.run(
          program,
          args.map((word) => word.replace(recorded.root, '')),
        );
      },
    },
  };
}
