/**
 * The lines of kdump.conf: `key value`.
 *
 * Source of truth: kdump_get_conf_val() of kdump-lib-initramfs.sh (kdump-utils 63f248c). A line that begins with # is a comment; a value ends
 * at its first #, wherever that stands; then one pair of double quotes around all of it is taken off. Ours: lines may end in CR LF.
 */
import type { Problems } from './problem.ts';

export interface Directive {
  readonly key: string;
  /** May be empty. */
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

export function readDirectives(text: string, problems: Problems): Directive[] {
  return text.split('\n').flatMap((content, index) => {
    const words = /^\s*([^\s#]\S*)(?:[ \t]+(.*))?$/s.exec(content.replace(/\r$/, ''));
    if (words === null) return [];
    const line = index + 1;
    const [, key = '', rest = ''] = words;
    return [{ key, value: unquoted(withoutComment(rest, line, problems), line, problems), line }];
  });
}

function withoutComment(rest: string, line: number, problems: Problems): string {
  const at = rest.indexOf('#');
  if (at < 0) return rest.trim();
  if (at > 0 && /\S/.test(rest[at - 1]!)) {
    problems.warn(
      line,
      `all from "${rest.slice(at)}" on is taken for a comment`,
      'put a blank before # when it is one; a value cannot have a #',
    );
  }
  return rest.slice(0, at).trim();
}

function unquoted(value: string, line: number, problems: Problems): string {
  if (value.length > 1 && value.startsWith('"') && value.endsWith('"')) return value.slice(1, -1).trim();
  if (value.startsWith('"') && (value.match(/"/g)?.length ?? 0) % 2 === 1) {
    problems.error(line, 'a quote that is not closed', 'close it, or leave it out');
    return value.slice(1).trim();
  }
  return value;
}

/** Words of a value with quotes in it, as xargs(1) takes them (dracut_args): '…', "…" and \x. Undefined when a quote is not closed. */
export function quotedWords(text: string): string[] | undefined {
  const words: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const word = /^(?:[^\s"'\\]|\\.|"[^"]*"|'[^']*')+/s.exec(rest)?.[0];
    if (word === undefined) return undefined;
    const after = rest.slice(word.length);
    if (after !== '' && !/^\s/.test(after)) return undefined;
    words.push(
      word.replace(
        /\\(.)|"([^"]*)"|'([^']*)'/gs,
        (_, escaped, double, single) => escaped ?? double ?? single,
      ),
    );
    rest = after.trim();
  }
  return words;
}

export const plainWords = (value: string): string[] => value.split(/\s+/).filter((word) => word !== '');
