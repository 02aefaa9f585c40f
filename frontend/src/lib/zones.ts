/** Clocks of other places: what a wall there shows, and the instant at which it does. */
const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let known = formats.get(zone);
  if (!known) {
    known = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(zone, known);
  }
  return known;
}

export function isZone(zone: string): boolean {
  try {
    format(zone);
    return zone !== '';
  } catch {
    return false;
  }
}

/** `2026-11-24T22:00`, the value of an input, for an instant as a wall in the zone shows it. */
export function wallOf(at: number | string, zone: string): string {
  const parts: Record<string, string> = {};
  for (const { type, value } of format(zone).formatToParts(new Date(at))) parts[type] = value;
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}`;
}

/** The instant at which a wall in the zone shows this; of an hour that comes twice the first, of one left out the next. */
export function instantOf(wall: string, zone: string): number {
  const pretended = Date.parse(`${wall.length === 10 ? `${wall}T00:00` : wall.slice(0, 16)}:00Z`);
  // What the wall shows at an instant differs from the instant by the offset there, before or after a change of clocks.
  const candidates = [pretended - 86_400_000, pretended + 86_400_000]
    .map((near) => pretended - (Date.parse(`${wallOf(near, zone)}:00Z`) - near + (near % 60_000)))
    .sort((a, b) => a - b);
  const asked = wall.length === 10 ? `${wall}T00:00` : wall.slice(0, 16);
  return candidates.find((one) => wallOf(one, zone) === asked) ?? (candidates.at(-1) as number);
}

/** The date that comes so many days after another, `2026-12-01`. */
export function dateAfter(date: string, days: number): string {
  return new Date(Date.parse(`${date.slice(0, 10)}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** `Tue 24 Nov, 22:00` as a wall in the zone shows it */
export function zoneStamp(at: number | string, zone: string): string {
  return new Date(at).toLocaleString('en-GB', {
    timeZone: zone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
}

/** `22:00` */
export function zoneTime(at: number | string, zone: string): string {
  return wallOf(at, zone).slice(11);
}

/** `Tue 24 Nov, 22:00 – 23:30`, across days both in full. */
export function zoneBetween(from: number | string, to: number | string, zone: string): string {
  const same = wallOf(from, zone).slice(0, 10) === wallOf(to, zone).slice(0, 10);
  return `${zoneStamp(from, zone)} – ${same ? zoneTime(to, zone) : zoneStamp(to, zone)}`;
}

/** Every zone the browser knows, UTC first. */
export function allZones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
}

export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}
