/**
 * Those whose text holds every word sought, or its letters in order; groups keep their order, and within a group what
 * begins with the words comes first.
 */
export function matches<T extends { group: string }>(
  all: readonly T[],
  sought: string,
  textOf: (one: T) => string,
): T[] {
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...all];
  const groups = [...new Set(all.map((one) => one.group))];
  return all
    .map((one, place) => ({ one, place, score: score(textOf(one).toLowerCase(), words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => groups.indexOf(a.one.group) - groups.indexOf(b.one.group) || b.score - a.score || a.place - b.place)
    .map(({ one }) => one);
}

function score(text: string, words: readonly string[]): number {
  let total = 0;
  for (const word of words) {
    if (text.startsWith(word)) total += 4;
    else if (text.includes(` ${word}`)) total += 3;
    else if (text.includes(word)) total += 2;
    else if (inOrder(text, word)) total += 1;
    else return 0;
  }
  return total;
}

function inOrder(text: string, letters: string): boolean {
  let from = 0;
  for (const letter of letters) {
    from = text.indexOf(letter, from) + 1;
    if (from === 0) return false;
  }
  return true;
}
