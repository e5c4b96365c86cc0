/**
 * Takes the languages out of a node binary: of its 33 MB of ICU data a save needs time zones, Unicode and English, and the rest is a quarter of the
 * compressed image.
 *
 * Node carries ICU's data as one archive among its constants: a header with the bytes DA 27 and the format "CmnD", the number of items, for each the
 * offset of its name and of its data, then names and data; items are sorted by name and found by it. What is left out is taken out of that list and
 * its data overwritten with zeros, which is what a build of node with "small-icu" looks like to ICU: an item that is not there. Nothing moves.
 * Source of truth: ICU's common/ucmndata.h and common/unicode/udata.h (release 78).
 */
import { latin1, viewOf } from '../../../base/bytes.ts';

/** Before the magic bytes: the header's size, 16 bits. */
const magic = Buffer.from([0xda, 0x27]);
const magicAt = 2;
const formatAt = 12;
const format = 'CmnD';
/** More would not be the archive of any release. */
const maxItems = 20_000;

interface Item {
  /** Without the archive's own name: `zone/en.res`. */
  readonly name: string;
  /** From the start of the list, as is the next. */
  readonly nameAt: number;
  readonly dataAt: number;
}

/** Changes the program in place. Returns the bytes that became zero: none when there is no such archive, or one that we do not know. */
export function takeOutLanguages(program: Uint8Array): number {
  const list = findArchive(program);
  if (list === undefined) return 0;
  const view = viewOf(program);
  const items = readItems(program, view, list);
  if (items === undefined) return 0;
  let removed = 0;
  const kept: Item[] = [];
  items.forEach((item, index) => {
    const next = items[index + 1];
    // How long the last one is cannot be told.
    if (next === undefined || isNeeded(item.name)) kept.push(item);
    else {
      program.fill(0, list + item.dataAt, list + next.dataAt);
      removed += next.dataAt - item.dataAt;
    }
  });
  view.setUint32(list, kept.length, true);
  kept.forEach(({ nameAt, dataAt }, index) => {
    view.setUint32(list + 4 + 8 * index, nameAt, true);
    view.setUint32(list + 8 + 8 * index, dataAt, true);
  });
  return removed;
}

/** Offset of the list of items. */
function findArchive(program: Uint8Array): number | undefined {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    const start = at - magicAt;
    if (start < 0 || latin1(bytes.subarray(start + formatAt, start + formatAt + 4)) !== format) continue;
    return start + bytes.readUInt16LE(start);
  }
  return undefined;
}

/** Undefined unless all of it makes sense: names that end, data in the order of the list and inside of the program. */
function readItems(program: Uint8Array, view: DataView, list: number): Item[] | undefined {
  const count = list + 4 <= program.length ? view.getUint32(list, true) : 0;
  if (count === 0 || count > maxItems || list + 4 + 8 * count > program.length) return undefined;
  const items: Item[] = [];
  let before = 4 + 8 * count;
  for (let index = 0; index < count; index++) {
    const nameAt = view.getUint32(list + 4 + 8 * index, true);
    const dataAt = view.getUint32(list + 8 + 8 * index, true);
    const end = program.indexOf(0, list + nameAt);
    if (dataAt < before || list + dataAt >= program.length || end < 0 || end - list - nameAt > 100)
      return undefined;
    const name = latin1(program.subarray(list + nameAt, end));
    if (!name.includes('/')) return undefined;
    items.push({ name: name.slice(name.indexOf('/') + 1), nameAt, dataAt });
    before = dataAt;
  }
  return items;
}

const english = ['en.res', 'en_US.res', 'en_001.res'];

/** Everything that is not about one language: time zones, Unicode's tables, the root that all languages fall back to. */
function isNeeded(name: string): boolean {
  const [leaf = '', folder] = name.split('/').reverse();
  // Converters to old character sets, dictionaries and rules for breaking lines.
  if (/\.(cnv|dict|brk)$/.test(leaf)) return false;
  if (leaf === 'root.res' || leaf === 'pool.res' || english.includes(leaf)) return true;
  if (folder !== undefined) return !leaf.endsWith('.res') || leaf === 'tzdbNames.res';
  return !/^[a-z]{2,3}(_[A-Za-z0-9_]+)?\.res$/.test(leaf);
}
