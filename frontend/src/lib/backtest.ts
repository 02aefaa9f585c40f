import { plural } from './numbers.ts';
import { ceiling } from './ticks.ts';

export interface Firing {
  subject: string;
  pendingAt: string | null;
  openedAt: string;
  resolvedAt: string | null;
  peak: number;
}

export interface Stretch {
  from: number;
  to: number;
}

/** Stretches of time (Unix seconds) in which anything fired, joined where they touch; what goes on ends at the end. */
export function stretchesOf(firings: readonly Firing[], end: number): Stretch[] {
  const sorted = firings
    .map(({ openedAt, resolvedAt }) => ({
      from: Date.parse(openedAt) / 1000,
      to: resolvedAt ? Date.parse(resolvedAt) / 1000 : end,
    }))
    .sort((a, b) => a.from - b.from);
  const joined: Stretch[] = [];
  for (const next of sorted) {
    const last = joined.at(-1);
    if (last && next.from <= last.to) last.to = Math.max(last.to, next.to);
    else joined.push({ ...next });
  }
  return joined;
}

/** Height of the axis: everything measured and the threshold, with air above it for the threshold to be drawn into. */
export function axisOf(
  columns: readonly (readonly (number | null)[])[],
  levels: readonly (number | null)[],
  top: number | null,
): [number, number] {
  let [low, high] = [0, 0];
  for (const value of [...columns.flat(), ...levels]) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  // Near the top of a share there is nothing to see unless the foot is raised: 99.9% of 100%.
  if (top === 1) {
    const least = Math.min(
      ...columns.flat().filter((value) => value !== null),
      ...levels.filter((one) => one !== null),
    );
    if (least > 0.8 && Number.isFinite(least)) return [floorOf(least), 1];
  }
  const raised = high > 0 ? ceiling(high * 1.15, 0) : 1;
  return [low < 0 ? -ceiling(-low, 0) : 0, top === null ? raised : Math.min(top, raised)];
}

function floorOf(least: number): number {
  const missing = Math.max(1 - least, 0.0005) * 1.3;
  const power = 10 ** Math.floor(Math.log10(missing));
  return Number((1 - Math.ceil(missing / power) * power).toPrecision(8));
}

/** `3 firings, 2 pages, 1 at night` */
export function verdictOf(firings: number, pages: number, night: number): string {
  if (firings === 0) return 'It would not have fired.';
  return `${plural(firings, 'firing')}, ${plural(pages, 'page')}, ${night === 0 ? 'none' : night} at night`;
}

/** The longest columns first, so that few subjects among many still show what broke. */
export function worstFirst<S extends { subject: string }>(
  subjects: readonly S[],
  firings: readonly Firing[],
  limit: number,
): S[] {
  const times = new Map<string, number>();
  for (const { subject } of firings) times.set(subject, (times.get(subject) ?? 0) + 1);
  return [...subjects]
    .sort((a, b) => (times.get(b.subject) ?? 0) - (times.get(a.subject) ?? 0) || (a.subject < b.subject ? -1 : 1))
    .slice(0, limit);
}

/** Columns of several subjects on one axis of time. */
export function together(subjects: readonly { at: readonly number[]; values: readonly (number | null)[] }[]): {
  at: number[];
  columns: (number | null)[][];
} {
  const at = [...new Set(subjects.flatMap((one) => one.at))].sort((a, b) => a - b);
  const places = new Map(at.map((instant, place) => [instant, place]));
  const columns = subjects.map((one) => {
    const column: (number | null)[] = new Array(at.length).fill(null);
    one.at.forEach((instant, index) => {
      column[places.get(instant) ?? 0] = one.values[index] ?? null;
    });
    return column;
  });
  return { at, columns };
}
