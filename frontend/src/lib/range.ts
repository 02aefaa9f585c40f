/** A stretch of time as the address holds it: the last so-and-so long, or from one instant to another. */
export type Range = { last: string } | { from: string; to: string };

export const DEFAULT_RANGE: Range = { last: 'PT1H' };

export const PRESETS: readonly { last: string; short: string; label: string }[] = [
  { last: 'PT15M', short: '15m', label: 'Last 15 minutes' },
  { last: 'PT1H', short: '1h', label: 'Last hour' },
  { last: 'PT6H', short: '6h', label: 'Last 6 hours' },
  { last: 'PT24H', short: '24h', label: 'Last 24 hours' },
  { last: 'P7D', short: '7d', label: 'Last 7 days' },
  { last: 'P30D', short: '30d', label: 'Last 30 days' },
];

const DURATION =
  /^P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** ISO 8601 duration in seconds; null for what is none. */
export function parseDuration(value: string): number | null {
  const match = DURATION.exec(value);
  if (!match || match.slice(1).every((part) => part === undefined)) return null;
  const [weeks = 0, days = 0, hours = 0, minutes = 0, rest = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return weeks * 604_800 + days * 86_400 + hours * 3600 + minutes * 60 + rest;
}

export function rangeOf(query: URLSearchParams, otherwise: Range = DEFAULT_RANGE): Range {
  const from = instant(query.get('from'));
  const to = instant(query.get('to'));
  if (from && to && from < to) return { from, to };
  if (from && !query.get('to') && from < new Date().toISOString()) return { from, to: new Date().toISOString() };
  const last = query.get('last');
  const length = last ? parseDuration(last) : null;
  return last && length && length <= 366 * 86_400 ? { last } : otherwise;
}

function instant(value: string | null): string | null {
  const at = value ? Date.parse(value) : Number.NaN;
  return Number.isFinite(at) ? new Date(at).toISOString() : null;
}

/** The part of an address's query that says this range. */
export function queryOf(range: Range): Record<'last' | 'from' | 'to', string | null> {
  return 'last' in range
    ? { last: range.last, from: null, to: null }
    : { last: null, from: brief(range.from), to: brief(range.to) };
}

/** Without the milliseconds that nobody wants to read in a link. */
function brief(value: string): string {
  return value.replace(/\.\d+Z$/, 'Z');
}

export function lengthOf(range: Range): number {
  return 'last' in range ? (parseDuration(range.last) ?? 3600) : (Date.parse(range.to) - Date.parse(range.from)) / 1000;
}

export function boundsOf(range: Range, now: number): [start: number, end: number] {
  return 'last' in range ? [now - lengthOf(range), now] : [Date.parse(range.from) / 1000, Date.parse(range.to) / 1000];
}

/** `2 hours`, `90 minutes`, `3 days` */
export function spell(length: number): string {
  const units: [number, string][] = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ];
  for (const [size, name] of units) {
    const amount = length / size;
    if (amount >= 1 && (Number.isInteger(amount) || amount >= 3 || size === 1)) {
      const shown = Math.round(amount);
      return `${shown} ${name}${shown === 1 ? '' : 's'}`;
    }
  }
  return `${length} seconds`;
}

export function labelOf(range: Range): string {
  if ('last' in range) {
    const length = lengthOf(range);
    return PRESETS.find((preset) => preset.last === range.last)?.label ?? `Last ${spell(length)}`;
  }
  return between(Date.parse(range.from), Date.parse(range.to));
}

const DAY: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };
const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };

/** `24 Nov, 08:30 – 14:10` or, across days, both in full. */
export function between(from: number, to: number): string {
  const [a, b] = [new Date(from), new Date(to)];
  const day = (at: Date) => at.toLocaleDateString('en-GB', DAY);
  const time = (at: Date) => at.toLocaleTimeString('en-GB', TIME);
  return day(a) === day(b) ? `${day(a)}, ${time(a)} – ${time(b)}` : `${day(a)}, ${time(a)} – ${day(b)}, ${time(b)}`;
}

/** How often a page asks again, in milliseconds: about a hundredth of the range, between 10 s and 5 min. Null: never. */
export function pulseOf(range: Range): number | null {
  if (!('last' in range)) return null;
  return Math.min(300_000, Math.max(10_000, lengthOf(range) * 10));
}

/** The value of `<input type="datetime-local">` for an instant, in the reader's zone. */
export function localInput(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
