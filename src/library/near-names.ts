/** Names like one that was mistyped. */

/** Further away than that is another word. */
const farthest = 2;
const most = 3;

/** The known names that are close to `name`: a typing error away, or longer by a part of it; the closest first. */
export function nearNames(name: string, known: Iterable<string>): string[] {
  const found: { readonly name: string; readonly distance: number }[] = [];
  for (const candidate of known) {
    const isPart = name.length >= 3 && candidate.includes(name);
    const distance = isPart ? 1 : editDistance(name, candidate);
    if (distance <= Math.min(farthest, Math.floor(name.length / 2)))
      found.push({ name: candidate, distance });
  }
  return found
    .sort((a, b) => a.distance - b.distance || a.name.length - b.name.length)
    .slice(0, most)
    .map((one) => one.name);
}

/** Levenshtein's, with a row at a time; beyond `farthest` only approximate. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > farthest) return farthest + 1;
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j]! + 1, row[j - 1]! + 1));
    }
    above = row;
  }
  return above[b.length]!;
}
