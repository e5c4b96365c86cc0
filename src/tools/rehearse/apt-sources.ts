/**
 * Which Debian mirror does this machine use? Read from apt's own configuration, so that no host is named here.
 *
 * Source of truth: sources.list(5) of apt 2.6: one-line entries (`deb [options] uri suite components...`) in *.list,
 * deb822 stanzas in *.sources. Pure text in, values out; reading the files is debian.ts's.
 */

export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** A keyring's path or an ASCII-armoured key; undefined when apt's trusted keys are meant. */
  readonly signedBy: string | undefined;
}

export interface DebianMirror {
  readonly uri: string;
  readonly signedBy: string | undefined;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** Every active `deb` entry of a one-line style file. */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (match === null) continue;
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = words(options)
      .find((option) => option.startsWith('signed-by='))
      ?.slice('signed-by='.length);
    sources.push({ uris: [uri], suites: [suite], components: words(components), signedBy });
  }
  return sources;
}

/** Every enabled `deb` stanza of a deb822 style file. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const withoutComments = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');
  for (const stanza of withoutComments.split(/\n\s*\n/)) {
    const fields = deb822Fields(stanza);
    const types = words(fields.get('types') ?? '');
    if (!types.includes('deb') || /^(no|false|0|off)$/i.test(fields.get('enabled') ?? '')) continue;
    sources.push({
      uris: words(fields.get('uris') ?? ''),
      suites: words(fields.get('suites') ?? ''),
      components: words(fields.get('components') ?? ''),
      signedBy: fields.get('signed-by'),
    });
  }
  return sources;
}

/** Names are lower-cased; continuation lines keep their breaks, less the leading blank and the lone dot for an empty line. */
function deb822Fields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of stanza.split('\n')) {
    const named = /^([^\s:]+):\s*(.*)$/.exec(line);
    if (named !== null) {
      last = named[1]!.toLowerCase();
      fields.set(last, named[2]!.trim());
    } else if (last !== '' && /^\s/.test(line)) {
      const more = line.trim() === '.' ? '' : line.trim();
      fields.set(last, `${fields.get(last)}\n${more}`.trimStart());
    }
  }
  return fields;
}

const debianSuites =
  /^(buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)$/;

/**
 * The mirror of Debian's own main archive, or undefined. Third parties also use Debian's suite names, so that a source
 * signed by Debian's keyring wins, then one whose path ends in /debian as the archive's does.
 */
export function chooseDebianMirror(sources: readonly AptSource[]): DebianMirror | undefined {
  let best: { readonly mirror: DebianMirror; readonly rank: number } | undefined;
  for (const { uris, suites, components, signedBy } of sources) {
    const uri = uris.find((candidate) => !candidate.startsWith('cdrom:'));
    if (uri === undefined || !components.includes('main')) continue;
    if (!suites.some((suite) => debianSuites.test(suite))) continue;
    const rank = signedBy?.includes('debian-archive') ? 2 : /\/debian\/?$/.test(uri) ? 1 : 0;
    if (best === undefined || rank > best.rank) best = { mirror: { uri, signedBy }, rank };
  }
  return best?.mirror;
}
