import { briefly } from './spans.ts';

/** When a level is reached, for a reader: `at once`, `after 15 min`. */
export function reachedAfter(seconds: number): string {
  return seconds === 0 ? 'at once' : `after ${briefly(seconds)}`;
}

/** `only critical`, `only critical and warning`; empty for all of them. */
export function onlyWords(severities: readonly string[]): string {
  if (severities.length === 0 || severities.length === 3) return '';
  return `only ${['CRITICAL', 'WARNING', 'INFO']
    .filter((one) => severities.includes(one))
    .map((one) => one.toLowerCase())
    .join(' and ')}`;
}

/** The delay of a level that is put at the end: as far from the last one as that is from the one before it. */
export function nextDelay(delays: readonly number[]): number {
  const last = delays.at(-1);
  if (last === undefined) return 0;
  const step = last - (delays.at(-2) ?? last);
  return last + (step > 0 ? step : 900);
}

/** Steps of a rehearsal that happen together, in the order of time. */
export function momentsOf<S extends { at: string; level: number; name: string }>(
  steps: readonly S[],
): { at: string; level: number; name: string; steps: S[] }[] {
  const moments: { at: string; level: number; name: string; steps: S[] }[] = [];
  for (const step of steps) {
    const last = moments.at(-1);
    if (last && last.level === step.level && last.at === step.at) last.steps.push(step);
    else moments.push({ at: step.at, level: step.level, name: step.name, steps: [step] });
  }
  return moments;
}

/** The sentence over a rehearsal: who is reached first, and whether anybody is. */
export function rehearsalWords(
  steps: readonly {
    at: string;
    person: { name: string } | null;
    channels: readonly { name: string; at: string; problem: string | null }[];
  }[],
  openedAt: number,
): string {
  const reached = steps
    .flatMap((step) =>
      step.channels
        .filter((one) => !one.problem)
        .map((one) => ({ at: Date.parse(one.at), who: step.person?.name ?? one.name })),
    )
    .sort((a, b) => a.at - b.at);
  const first = reached[0];
  if (!first) return 'Nobody would be reached.';
  const wait = Math.round((first.at - openedAt) / 1000);
  const others = new Set(reached.filter((one) => one.at === first.at && one.who !== first.who).map((one) => one.who))
    .size;
  return `${first.who}${others ? ` and ${others} more` : ''} would hear of it ${wait < 60 ? 'at once' : `after ${briefly(wait)}`}.`;
}

/** Moves an entry of a list by so many places; a list that cannot be moved so stays. */
export function moved<T>(list: readonly T[], from: number, by: number): T[] {
  const to = from + by;
  const copy = [...list];
  const [entry] = copy.splice(from, 1);
  if (entry === undefined || to < 0 || to > copy.length) return [...list];
  copy.splice(to, 0, entry);
  return copy;
}
