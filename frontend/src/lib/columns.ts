/** Columns of one length: instants in Unix seconds, ascending, and the numbers measured there. */
export interface Columns<Name extends string> {
  at: readonly number[];
  values: Readonly<Record<Name, readonly (number | null)[]>>;
}

export interface Point<Name extends string> {
  at: number;
  values: Readonly<Record<Name, number | null>>;
}

/** How many live points are kept: an hour of ten-second slots. */
const KEPT = 360;

/** The points with this one among them: in order of time, an earlier word on the same instant replaced. */
export function upsert<Name extends string>(points: readonly Point<Name>[], point: Point<Name>): Point<Name>[] {
  let index = points.length;
  while (index > 0 && (points[index - 1] as Point<Name>).at > point.at) index -= 1;
  const known = index > 0 && (points[index - 1] as Point<Name>).at === point.at;
  const next = [...points.slice(0, known ? index - 1 : index), point, ...points.slice(index)];
  return next.length > KEPT ? next.slice(next.length - KEPT) : next;
}

/**
 * A stored timeline continued by live points. Where both speak of one stretch the stored bin stands, unless bins are
 * as fine as the points: then the live word is the newer one. Percentiles are never mixed between the two.
 */
export function continued<Name extends string>(
  stored: Columns<Name>,
  points: readonly Point<Name>[],
  resolution: number,
  slot = 10,
): Columns<Name> {
  const names = Object.keys(stored.values) as Name[];
  const last = stored.at.at(-1) ?? Number.NEGATIVE_INFINITY;
  const fine = resolution <= slot;
  const tail = points.filter((point) => (fine ? point.at >= last : point.at >= last + resolution));
  if (tail.length === 0) return stored;
  const cut = fine && (tail[0] as Point<Name>).at === last ? stored.at.length - 1 : stored.at.length;
  const values = {} as Record<Name, (number | null)[]>;
  for (const name of names)
    values[name] = [...stored.values[name].slice(0, cut), ...tail.map((point) => point.values[name] ?? null)];
  return { at: [...stored.at.slice(0, cut), ...tail.map((point) => point.at)], values };
}

/** The list with this record first among equals of its time; one record a key, newest first, `keep` at most. */
export function prepend<T extends { id: string; at: string }>(list: readonly T[], record: T, keep = 200): T[] {
  const rest = list.filter((other) => other.id !== record.id);
  const index = rest.findIndex((other) => other.at <= record.at);
  const place = index === -1 ? rest.length : index;
  return [...rest.slice(0, place), record, ...rest.slice(place)].slice(0, keep);
}

/** Every list in one, each id once: a repeated key would freeze what is drawn from it. */
export function united<T extends { id: string }>(...lists: readonly (readonly T[])[]): T[] {
  const seen = new Map<string, T>();
  for (const record of lists.flat()) if (!seen.has(record.id)) seen.set(record.id, record);
  return [...seen.values()];
}

/** Values of the nearest instant at or before each of `at`, each moved by `shift` seconds; null where none is near. */
export function aligned(
  at: readonly number[],
  source: Columns<string>,
  name: string,
  shift: number,
  reach: number,
): (number | null)[] {
  const values = source.values[name] ?? [];
  let index = 0;
  return at.map((instant) => {
    while (index + 1 < source.at.length && (source.at[index + 1] as number) + shift <= instant) index += 1;
    const from = (source.at[index] ?? Number.NaN) + shift;
    return Math.abs(instant - from) <= reach ? (values[index] ?? null) : null;
  });
}

/** Several series on one axis of instants; null where a series has no value of its own. */
export function joined(series: readonly { at: readonly number[]; values: readonly (number | null)[] }[]): {
  at: number[];
  values: (number | null)[][];
} {
  const at = [...new Set(series.flatMap((one) => one.at))].sort((a, b) => a - b);
  const place = new Map(at.map((instant, index) => [instant, index]));
  const values = series.map((one) => {
    const column: (number | null)[] = at.map(() => null);
    for (const [index, instant] of one.at.entries()) column[place.get(instant) ?? 0] = one.values[index] ?? null;
    return column;
  });
  return { at, values };
}
