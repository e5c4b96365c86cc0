/**
 * Command lines as getopt_long(3) reads them: combined short options (`-ld31`), long options by any unambiguous beginning, values
 * behind `=` or as the next word, operands anywhere, `--` to end the options. For tools whose users have such lines in their scripts.
 */
import { VmcoreError } from './errors.ts';

/** How an option is written: `d` is -d, `num-threads` is --num-threads. */
export type OptionNames = Readonly<Record<string, 'flag' | 'value'>>;

/** An option as it came: its name, and its value or "" for a flag. */
export interface GivenOption {
  readonly name: string;
  readonly value: string;
}

export interface ParsedLine {
  /** In the order of the line. */
  readonly options: readonly GivenOption[];
  readonly operands: readonly string[];
}

/** E_USAGE, naming the option, for what is not in `names`, is ambiguous, or lacks or has too many values. */
export function getopt(args: readonly string[], names: OptionNames): ParsedLine {
  const options: GivenOption[] = [];
  const operands: string[] = [];
  let at = 0;
  const nextWord = (option: string): string => {
    const value = args[at++];
    if (value === undefined) throw usage(`option ${option} needs a value`);
    return value;
  };
  while (at < args.length) {
    const arg = args[at++]!;
    if (arg === '--') {
      operands.push(...args.slice(at));
      break;
    }
    if (arg.startsWith('--')) {
      const equals = arg.indexOf('=');
      const written = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
      const name = longName(written, names);
      if (names[name] === 'flag') {
        if (equals >= 0) throw usage(`option --${name} takes no value`);
        options.push({ name, value: '' });
      } else {
        options.push({ name, value: equals < 0 ? nextWord(`--${name}`) : arg.slice(equals + 1) });
      }
    } else if (arg.startsWith('-') && arg.length > 1) {
      for (let i = 1; i < arg.length; i++) {
        const name = arg[i]!;
        if (!Object.hasOwn(names, name)) throw usage(`unknown option -${name}`);
        if (names[name] === 'flag') {
          options.push({ name, value: '' });
          continue;
        }
        options.push({ name, value: arg.slice(i + 1) || nextWord(`-${name}`) });
        break;
      }
    } else operands.push(arg);
  }
  return { options, operands };
}

function longName(written: string, names: OptionNames): string {
  // Names of one letter are short options.
  const long = Object.keys(names).filter((name) => name.length > 1);
  if (long.includes(written)) return written;
  const candidates = written === '' ? [] : long.filter((name) => name.startsWith(written));
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length === 0) throw usage(`unknown option --${written}`);
  throw usage(`option --${written} can be ${candidates.map((name) => `--${name}`).join(' or ')}`);
}

const usage = (what: string): VmcoreError => new VmcoreError('E_USAGE', what, { hint: 'see --help' });
