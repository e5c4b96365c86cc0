/**
 * The kdump.conf of a capture image: what the machine's own says, resolved and written anew. It is plain, because the shell of stage 0 reads some of
 * it and has no parser; and it has only what counts once the machine has crashed.
 */
import type { CodecName } from '../../../codecs/page-codec.ts';
import type { Collector, MakedumpfileCollector } from './collector.ts';
import type { KdumpConf } from './kdump-conf.ts';
import { type PathTarget, type Target, targetText } from './target.ts';

/** A start has found out which file system the dump goes to. */
export interface CaptureConf
  extends Omit<KdumpConf, 'rebuild' | 'dracutArgs' | 'extraBins' | 'extraModules'> {
  readonly target: Exclude<Target, PathTarget>;
}

/** `key value` lines; parseKdumpConf() makes the same of them. */
export function captureConfText(conf: CaptureConf): string {
  const { target, hooks, fence } = conf;
  const lines: readonly (readonly [key: string, value: string | undefined])[] = [
    splitOnce(targetText(target)),
    ['sshkey', target.kind === 'ssh' ? target.key : undefined],
    ['path', conf.path],
    ['core_collector', collectorText(conf.collector, target.kind)],
    ['kdump_pre', hooks.before],
    ['kdump_post', hooks.after],
    ['kdump_emergency', hooks.emergency],
    ['failure_action', conf.failureAction],
    ['final_action', conf.finalAction],
    ['fence_kdump_nodes', fence.nodes.join(' ')],
    ['fence_kdump_args', fence.nodes.length === 0 ? undefined : fence.args.join(' ')],
  ];
  return lines.map(([key, value]) => (value ? `${key} ${quotedIfQuoted(value)}\n` : '')).join('');
}

function splitOnce(text: string): [key: string, value: string] {
  const blank = text.indexOf(' ');
  return [text.slice(0, blank), text.slice(blank + 1)];
}

/** One pair of quotes is taken off when the line is read. */
const quotedIfQuoted = (value: string): string => (value.startsWith('"') ? `"${value}"` : value);

const codecOptions: Readonly<Record<CodecName, string>> = { zlib: '-c', lzo: '-l', snappy: '-p', zstd: '-z' };

/** core_collector, as parseCollector() reads it. */
export function collectorText(collector: Collector, target: Target['kind']): string {
  if (collector.kind === 'copy') return target === 'raw' || target === 'ssh' ? 'cat' : 'cp';
  return ['makedumpfile', ...optionsOf(collector)].join(' ');
}

function optionsOf(collector: MakedumpfileCollector): string[] {
  const { format, tuning, levels, sizeLimit } = collector;
  const given = (option: string, value: number | undefined): string[] =>
    value === undefined ? [] : [option, String(value)];
  const kib = (bytes: number | undefined): number | undefined =>
    bytes === undefined ? undefined : bytes / 1024;
  return [
    ...(collector.output === 'flattened' ? ['-F'] : []),
    ...(format.kind === 'elf' ? ['-E'] : []),
    ...(format.kind === 'kdump' && format.codec !== undefined ? [codecOptions[format.codec]] : []),
    '-d',
    levels.join(','),
    ...(collector.excludeVmemmap ? ['-e', '--work-dir', '/tmp'] : []),
    ...(collector.access === 'read' ? ['--non-mmap'] : []),
    ...given('-L', sizeLimit),
    ...given('--num-threads', tuning.threads),
    ...given('--cyclic-buffer', kib(tuning.bitmapBytes)),
    ...given('--splitblock-size', kib(tuning.splitBlock)),
  ];
}
