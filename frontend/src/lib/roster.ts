import { dateAfter, instantOf, wallOf } from './zones.ts';

/** Shifts laid into weeks, as a calendar draws them. Instants are milliseconds. */
export interface Duty {
  person: { id: string | null; name: string };
  startsAt: string;
  endsAt: string;
  override: boolean;
  rotation: string | null;
}

export interface Week {
  days: readonly { date: string; at: number }[];
  from: number;
  to: number;
}

export interface Bar<T> {
  key: string;
  /** days from the week's beginning, with their fraction: 0..7 */
  start: number;
  end: number;
  lane: number;
  /** it goes on beyond the week's edge */
  before: boolean;
  after: boolean;
  duty: T;
}

/** The Monday on or before an instant, as the zone's calendar has it. */
export function mondayOf(at: number, zone: string): string {
  const date = wallOf(at, zone).slice(0, 10);
  const back = (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
  return dateAfter(date, -back);
}

export function weeksFrom(monday: string, count: number, zone: string): Week[] {
  return Array.from({ length: count }, (_, week) => {
    const dates = Array.from({ length: 7 }, (_, day) => dateAfter(monday, week * 7 + day));
    const days = dates.map((date) => ({ date, at: instantOf(date, zone) }));
    return { days, from: days[0]?.at ?? 0, to: instantOf(dateAfter(monday, week * 7 + 7), zone) };
  });
}

/** What of the duties lies in a week, each in the first lane that is free there. */
export function barsOf<T extends { startsAt: string; endsAt: string }>(duties: readonly T[], week: Week): Bar<T>[] {
  const ends: number[] = [];
  return duties
    .map((duty, place) => ({ duty, place, from: Date.parse(duty.startsAt), to: Date.parse(duty.endsAt) }))
    .filter(({ from, to }) => from < week.to && to > week.from)
    .sort((a, b) => a.from - b.from || b.to - a.to || a.place - b.place)
    .map(({ duty, place, from, to }) => {
      const start = dayOf(Math.max(from, week.from), week);
      const end = dayOf(Math.min(to, week.to), week);
      let lane = ends.findIndex((free) => free <= start + 1e-6);
      if (lane < 0) lane = ends.length;
      ends[lane] = end;
      const key = `${duty.startsAt}/${place}`;
      return { key, start, end, lane, before: from < week.from, after: to > week.to, duty };
    });
}

/** Days since the week began; a day of 23 or 25 hours is as wide as the others. */
function dayOf(at: number, week: Week): number {
  const index = week.days.findLastIndex((day) => day.at <= at);
  const day = week.days[index];
  if (!day) return 0;
  const next = week.days[index + 1]?.at ?? week.to;
  return index + (at - day.at) / (next - day.at);
}

/** Duties that follow one another without a break, of the same person in the same rotation, as one. */
export function joined(duties: readonly Duty[]): Duty[] {
  const sorted = [...duties].sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt));
  const found: Duty[] = [];
  for (const duty of sorted) {
    const last = found.findLast((one) => sameWatch(one, duty));
    if (last && Date.parse(last.endsAt) === Date.parse(duty.startsAt)) last.endsAt = duty.endsAt;
    else found.push({ ...duty });
  }
  return found;
}

function sameWatch(one: Duty, other: Duty): boolean {
  return (
    one.person.id === other.person.id &&
    one.person.name === other.person.name &&
    one.rotation === other.rotation &&
    one.override === other.override
  );
}

/** A colour a person keeps: one of so many, by the place of their name among all. */
export function coloursOf(names: readonly string[], count: number): Map<string, number> {
  return new Map([...new Set(names)].sort().map((name, place) => [name, place % count]));
}

/** The part of a week that a list shows under each day: who begins or goes on then. */
export function byDay<T extends { startsAt: string; endsAt: string }>(duties: readonly T[], week: Week) {
  return week.days.map((day, index) => {
    const end = week.days[index + 1]?.at ?? week.to;
    return {
      ...day,
      duties: duties.filter((duty) => Date.parse(duty.startsAt) < end && Date.parse(duty.endsAt) > day.at),
    };
  });
}
