/**
 * dracut_args: options of the image builder of other distributions. What they add to an image, the built-in builder adds too; the rest is told.
 * Source of truth: dracut(8), release 059. --mount names a target and is read with those (conf/target.ts).
 */
import { plainWords } from '../conf/directives.ts';

export interface DracutArgs {
  readonly modules: readonly string[];
  readonly programs: readonly string[];
  /** Options without effect, as they are written. */
  readonly ignored: readonly string[];
}

const moduleOptions: readonly string[] = ['--add-drivers', '--force-drivers', '--drivers', '-d'];
const programOptions: readonly string[] = ['--install', '-I'];
const readElsewhere: readonly string[] = ['--mount'];

/** `words`: options and their values, each one word. */
export function readDracutArgs(words: readonly string[]): DracutArgs {
  const modules: string[] = [];
  const programs: string[] = [];
  const ignored: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [option = '', given] = word.startsWith('--') ? splitAtEquals(word) : [word, undefined];
    const value = (): string => given ?? words[++at] ?? '';
    if (moduleOptions.includes(option)) modules.push(...plainWords(value()));
    else if (programOptions.includes(option)) programs.push(...plainWords(value()));
    else if (readElsewhere.includes(option)) value();
    else if (word.startsWith('-')) ignored.push(word);
  }
  return { modules, programs, ignored };
}

function splitAtEquals(word: string): [option: string, value: string | undefined] {
  const at = word.indexOf('=');
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}
