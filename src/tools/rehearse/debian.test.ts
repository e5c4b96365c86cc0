import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentProgress } from '../../base/progress.ts';
import { chooseDebianMirror, parseDeb822Sources, parseOneLineSources } from './apt-sources.ts';
import {
  debianKernel,
  downloadSize,
  firstComplaint,
  howToReach,
  kernelImageOf,
  kernelPartsOf,
} from './debian.ts';

const debian822 = `# where packages come from
Types: deb deb-src
# an older snapshot
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main
`;

test('deb822 stanzas: comments, several values, several stanzas', () => {
  assert.deepEqual(parseDeb822Sources(debian822), [
    {
      uris: ['http://mirror.test/debian'],
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main', 'contrib'],
      signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
    },
    {
      uris: ['http://mirror.test/debian-security'],
      suites: ['bookworm-security'],
      components: ['main'],
      signedBy: undefined,
    },
  ]);
});

test('deb822: disabled and source-only stanzas do not count; a key may be inline', () => {
  const inline = `Types: deb
URIs: http://a.test/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://b.test/debian

Types: deb-src
URIs: http://c.test/debian
`;
  const sources = parseDeb822Sources(inline);
  assert.equal(sources.length, 1);
  assert.equal(
    sources[0]!.signedBy,
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n-----END PGP PUBLIC KEY BLOCK-----',
  );
});

test('one-line entries: options, comments, deb-src', () => {
  const text = `# deb http://no.test/debian bookworm main
deb-src http://src.test/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://a.test/debian bookworm main contrib # why
deb http://b.test/debian/ trixie main
`;
  assert.deepEqual(parseOneLineSources(text), [
    {
      uris: ['http://a.test/debian'],
      suites: ['bookworm'],
      components: ['main', 'contrib'],
      signedBy: '/k.gpg',
    },
    { uris: ['http://b.test/debian/'], suites: ['trixie'], components: ['main'], signedBy: undefined },
  ]);
});

test('the mirror is the one of the main archive, not its security twin and not a third party', () => {
  const thirdParties = parseOneLineSources(`deb http://x.test/apt bookworm main
deb http://y.test/apt bookworm-pgdg main
deb http://z.test/linux/debian bookworm stable
deb cdrom:[Debian]/ bookworm main
`);
  assert.deepEqual(chooseDebianMirror([...thirdParties, ...parseDeb822Sources(debian822)]), {
    uri: 'http://mirror.test/debian',
    signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
  });
  const plain = parseOneLineSources('deb http://mirror.test/debian bookworm main');
  assert.equal(chooseDebianMirror([...thirdParties, ...plain])?.uri, 'http://mirror.test/debian');
  assert.equal(chooseDebianMirror(parseOneLineSources('deb http://u.test/ubuntu noble main')), undefined);
});

test('the kernel is found behind the meta package, with its parts where the suite splits it', () => {
  const meta = `linux-image-amd64
  Depends: linux-base-amd64
  Depends: linux-image-7.2.12+deb14-amd64
`;
  const image = `linux-image-7.2.12+deb14-amd64
  PreDepends: linux-base
 |Depends: dracut
  Depends: linux-base-7.2.12+deb14-amd64
  Depends: linux-binary-7.2.12+deb14-amd64
  Depends: linux-modules-7.2.12+deb14-amd64
  Breaks: initramfs-tools
`;
  assert.equal(kernelImageOf(meta), 'linux-image-7.2.12+deb14-amd64');
  assert.deepEqual(kernelPartsOf('linux-image-7.2.12+deb14-amd64', image), [
    'linux-binary-7.2.12+deb14-amd64',
    'linux-modules-7.2.12+deb14-amd64',
    'linux-base-7.2.12+deb14-amd64',
  ]);
  assert.deepEqual(
    kernelPartsOf('linux-image-6.1.0-50-amd64', '  Depends: kmod\n  Depends: linux-base\n'),
    [],
  );
  assert.equal(kernelImageOf('linux-image-6.1.0-50-amd64\n  Depends: kmod\n'), undefined);
});

test('sizes, complaints and settings are read from what apt prints', () => {
  assert.equal(
    downloadSize("'http://m.test/a_1%3a2.deb' a_1.deb 100 MD5Sum:0\n'http://m.test/b.deb' b.deb 23 \n"),
    123,
  );
  assert.equal(
    firstComplaint('W: slow\nE: Unable to locate package x\nE: more\n'),
    'Unable to locate package x',
  );
  assert.equal(firstComplaint(''), 'it said nothing');
  assert.deepEqual(
    howToReach(`APT::Update::Post-Invoke:: "rm -rf /";
Acquire::http::Proxy "http://127.0.0.1:3128/";
Acquire::Languages:: "none";
Acquire::Check-Valid-Until "false";
Dir::State "/var/lib/apt";
`),
    ['Acquire::http::Proxy "http://127.0.0.1:3128/";', 'Acquire::Check-Valid-Until "false";'],
  );
});

test('a suite or flavour that is no name is refused before anything is run', async () => {
  for (const request of [{ suite: '../../etc' }, { flavour: '-o=x' }]) {
    await assert.rejects(debianKernel({ ...request, progress: silentProgress }), { code: 'E_USAGE' });
  }
});
