/** How the levels of the status page look and read. */
type Level = 'OPERATIONAL' | 'DEGRADED' | 'DOWN' | 'MAINTENANCE' | 'UNKNOWN';
type Tone = 'ok' | 'warning' | 'critical' | 'info' | 'none';

export const LEVELS: Readonly<Record<Level, { tone: Tone; word: string }>> = {
  OPERATIONAL: { tone: 'ok', word: 'Operational' },
  DEGRADED: { tone: 'warning', word: 'Degraded' },
  DOWN: { tone: 'critical', word: 'Down' },
  MAINTENANCE: { tone: 'info', word: 'Maintenance' },
  UNKNOWN: { tone: 'none', word: 'No data' },
};

export interface Announced {
  startsAt: string;
  endsAt: string | null;
}

/** Whether an announcement holds now, will, or did. */
export function turnOf(said: Announced, now: number): 'now' | 'planned' | 'over' {
  if (said.endsAt !== null && Date.parse(said.endsAt) <= now) return 'over';
  return Date.parse(said.startsAt) > now ? 'planned' : 'now';
}

/**
 * One of a group's rows a place further up or down; over the edge of its group it goes into the one next to it. Answers
 * the groups as they were where there is no such place.
 */
export function carried<Row, Group extends { items: readonly Row[] }>(
  groups: readonly Group[],
  group: number,
  row: number,
  by: 1 | -1,
): Group[] {
  const lists = groups.map((one) => [...one.items]);
  const [from, to] = [lists[group], lists[group + by]];
  const moved = from?.[row];
  if (!from || moved === undefined) return [...groups];
  const place = row + by;
  if (place >= 0 && place < from.length) {
    from.splice(row, 1);
    from.splice(place, 0, moved);
  } else {
    if (!to) return [...groups];
    from.splice(row, 1);
    if (by === 1) to.unshift(moved);
    else to.push(moved);
  }
  return groups.map((one, at) => ({ ...one, items: lists[at] as Row[] }));
}
