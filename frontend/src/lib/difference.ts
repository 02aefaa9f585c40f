/** Lines of two texts, as a reader compares them: kept, taken away, added. */
export interface DiffLine {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

export function differenceOf(before: string, after: string): DiffLine[] {
  const [old, young] = [before.split('\n').slice(0, 400), after.split('\n').slice(0, 400)];
  // Lengths of the longest common run of lines from each place on.
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(young.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = young.length - 1; j >= 0; j -= 1) {
      const row = common[i];
      if (row) row[j] = old[i] === young[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < young.length) {
    if (i < old.length && j < young.length && old[i] === young[j]) {
      lines.push({ kind: 'same', text: old[i] ?? '' });
      i += 1;
      j += 1;
    } else if (j >= young.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: 'gone', text: old[i] ?? '' });
      i += 1;
    } else {
      lines.push({ kind: 'new', text: young[j] ?? '' });
      j += 1;
    }
  }
  return lines;
}
