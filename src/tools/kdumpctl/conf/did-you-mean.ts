/** What a mistyped word was probably meant to be. */

/** Edits between two words: insertions, deletions, replacements and swapped neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) edits = Math.min(edits, before[j - 2]! + 1);
      row.push(edits);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** No word that anybody types is longer, and distance is quadratic. */
const maxLength = 64;

/** How many edits a word of so many letters may be away: more, and it was not meant. */
const allowed = (length: number): number => (length <= 3 ? 1 : length <= 7 ? 2 : 3);

/** The one of `words` nearest to what was written, when it is near. */
export function didYouMean(written: string, words: Iterable<string>): string | undefined {
  if (written.length > maxLength) return undefined;
  let best: { readonly word: string; readonly edits: number } | undefined;
  for (const word of words) {
    const edits = editDistance(written.toLowerCase(), word.toLowerCase());
    if (edits <= allowed(word.length) && (best === undefined || edits < best.edits)) best = { word, edits };
  }
  return best?.word;
}

/** For a hint: `did you mean X?`, else the fallback. */
export function suggestion(written: string, words: Iterable<string>, otherwise: string): string {
  const word = didYouMean(written, words);
  return word === undefined ? otherwise : `did you mean "${word}"?`;
}
