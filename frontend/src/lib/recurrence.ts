/** What a form can say about a thing that comes again; iCalendar's RRULE can say more, which stays text. */
export type Weekday = 'MO' | 'TU' | 'WE' | 'TH' | 'FR' | 'SA' | 'SU';
export interface Recurrence {
  every: 'DAILY' | 'WEEKLY' | 'MONTHLY';
  interval: number;
  /** weekly: on these days */
  days: Weekday[];
  /** monthly: on this day of the month, unless `nth` says which weekday */
  monthDay: number | null;
  nth: { place: number; day: Weekday } | null;
  /** the last day, `2026-12-31`, or null */
  until: string | null;
  count: number | null;
}

export const WEEKDAYS: readonly { day: Weekday; short: string; name: string }[] = [
  { day: 'MO', short: 'Mon', name: 'Monday' },
  { day: 'TU', short: 'Tue', name: 'Tuesday' },
  { day: 'WE', short: 'Wed', name: 'Wednesday' },
  { day: 'TH', short: 'Thu', name: 'Thursday' },
  { day: 'FR', short: 'Fri', name: 'Friday' },
  { day: 'SA', short: 'Sat', name: 'Saturday' },
  { day: 'SU', short: 'Sun', name: 'Sunday' },
];
const PLACES: Record<number, string> = { 1: 'first', 2: 'second', 3: 'third', 4: 'fourth', [-1]: 'last' };
const KNOWN = new Set(['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'UNTIL', 'COUNT', 'WKST']);

/** Once a week on the day of this date (`2026-11-24`). */
export function weeklyOn(date: string): Recurrence {
  return { every: 'WEEKLY', interval: 1, days: [weekdayOf(date)], monthDay: null, nth: null, until: null, count: null };
}

export function weekdayOf(date: string): Weekday {
  const place = (new Date(`${date.slice(0, 10)}T00:00:00Z`).getUTCDay() + 6) % 7;
  return WEEKDAYS[Number.isNaN(place) ? 0 : place]?.day ?? 'MO';
}

/** Which of its weekdays in the month a date is, `-1` for the last one after the fourth. */
export function placeOf(date: string): number {
  const place = Math.ceil(Number(date.slice(8, 10)) / 7);
  return place > 4 ? -1 : place;
}

export function ruleOf({ every, interval, days, monthDay, nth, until, count }: Recurrence): string {
  const parts = [`FREQ=${every}`];
  if (interval > 1) parts.push(`INTERVAL=${interval}`);
  if (every === 'WEEKLY' && days.length)
    parts.push(
      `BYDAY=${WEEKDAYS.filter(({ day }) => days.includes(day))
        .map(({ day }) => day)
        .join(',')}`,
    );
  if (every === 'MONTHLY' && nth) parts.push(`BYDAY=${nth.place}${nth.day}`);
  else if (every === 'MONTHLY' && monthDay) parts.push(`BYMONTHDAY=${monthDay}`);
  if (until) parts.push(`UNTIL=${until.replaceAll('-', '')}T235959`);
  else if (count) parts.push(`COUNT=${count}`);
  return parts.join(';');
}

/** What an RRULE says, or null where it says more than the form can show. */
export function parseRule(text: string): Recurrence | null {
  const parts = new Map<string, string>();
  for (const part of text
    .replace(/^RRULE:/i, '')
    .split(';')
    .filter(Boolean)) {
    const [name = '', value = ''] = part.split('=');
    parts.set(name.toUpperCase(), value.toUpperCase());
  }
  const every = parts.get('FREQ');
  if ([...parts.keys()].some((name) => !KNOWN.has(name))) return null;
  if (every !== 'DAILY' && every !== 'WEEKLY' && every !== 'MONTHLY') return null;
  const found: Recurrence = {
    every,
    interval: Number(parts.get('INTERVAL') ?? 1),
    days: [],
    monthDay: null,
    nth: null,
    until: null,
    count: parts.has('COUNT') ? Number(parts.get('COUNT')) : null,
  };
  const until = /^(\d{4})(\d{2})(\d{2})/.exec(parts.get('UNTIL') ?? '');
  if (until) found.until = `${until[1]}-${until[2]}-${until[3]}`;
  for (const named of (parts.get('BYDAY') ?? '').split(',').filter(Boolean)) {
    const match = /^([+-]?\d+)?(MO|TU|WE|TH|FR|SA|SU)$/.exec(named);
    if (!match) return null;
    if (match[1] === undefined) found.days.push(match[2] as Weekday);
    else if (found.nth || !PLACES[Number(match[1])]) return null;
    else found.nth = { place: Number(match[1]), day: match[2] as Weekday };
  }
  const monthDay = parts.get('BYMONTHDAY');
  if (monthDay !== undefined) {
    if (!/^\d+$/.test(monthDay)) return null;
    found.monthDay = Number(monthDay);
  }
  if (every === 'DAILY' && (found.days.length || found.nth || found.monthDay)) return null;
  if (every === 'WEEKLY' && (found.nth || found.monthDay)) return null;
  if (every === 'MONTHLY' && found.days.length) return null;
  return found;
}

/** `every Tuesday`, `every 2 weeks on Mon and Thu`, `on the first Sunday of every month, until 31 Dec 2026` */
export function recurrenceWords(text: string): string {
  const rule = parseRule(text);
  return rule ? wordsOf(rule) : text.replace(/^RRULE:/i, '');
}

function wordsOf({ every, interval, days, monthDay, nth, until, count }: Recurrence): string {
  const ends = until ? `, until ${dayWords(until)}` : count ? `, ${count} times` : '';
  const often = (one: string, many: string) => (interval === 1 ? `every ${one}` : `every ${interval} ${many}`);
  if (every === 'DAILY') return often('day', 'days') + ends;
  if (every === 'MONTHLY') {
    const month = often('month', 'months');
    if (nth) return `on the ${PLACES[nth.place]} ${nameOf(nth.day)} of ${month}${ends}`;
    return (monthDay ? `on the ${ordinal(monthDay)} of ${month}` : month) + ends;
  }
  const chosen = WEEKDAYS.filter(({ day }) => days.includes(day));
  if (chosen.length === 5 && chosen.every(({ day }) => day !== 'SA' && day !== 'SU') && interval === 1)
    return `every weekday${ends}`;
  if (chosen.length === 1 && interval === 1) return `every ${chosen[0]?.name}${ends}`;
  return often('week', 'weeks') + (chosen.length ? ` on ${listed(chosen.map(({ short }) => short))}` : '') + ends;
}

export function listed(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function nameOf(day: Weekday): string {
  return WEEKDAYS.find((one) => one.day === day)?.name ?? day;
}

function ordinal(value: number): string {
  const tail = value % 100 > 10 && value % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][value % 10] ?? 'th');
  return `${value}${tail}`;
}

function dayWords(date: string): string {
  return new Date(`${date}T00:00:00Z`).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  });
}
