import type { Tone } from '../ui/Glyph.svelte';
import { byNeed, type HeartbeatState, type ProbeState, stateTone, stateWord } from './checks.ts';
import { plural } from './numbers.ts';
import { span, until } from './time.ts';

/** How one part of what is watched from outside stands: a few words, what they rest on, and where to read more. */
export interface Standing {
  part: 'probes' | 'certificates' | 'heartbeats';
  tone: Tone;
  title: string;
  detail: string;
  href: string;
}

interface Watched<State> {
  id: string;
  name: string;
  state: State;
  since: string;
}

export interface Certificate {
  id: string;
  name: string;
  daysLeft: number;
}

/** From so many days on a certificate's end is told of, as by the rules an installation begins with. */
const SOON = 21;
const PROBES = '/monitoring/infrastructure';
const HEARTBEATS = '/monitoring/heartbeats';

/** `2 down, 1 in doubt` of those that are neither well nor paused, the worst first. */
function wrongOf(list: readonly { state: ProbeState | HeartbeatState }[]): string {
  const counts = new Map<string, number>();
  for (const { state } of list) counts.set(stateWord(state), (counts.get(stateWord(state)) ?? 0) + 1);
  return [...counts].map(([word, amount]) => `${amount} ${word.toLowerCase()}`).join(', ');
}

function lasting(since: string, now: number): string {
  return span(Math.max(0, (now - Date.parse(since)) / 1000));
}

/** The worst by its name and since when, and how many more there are. */
function worstOf({ name, since }: { name: string; since: string }, more: number, now: number): string {
  return `${name} for ${lasting(since, now)}${more ? `, and ${more} more` : ''}`;
}

/** Null where nothing is asked. What is paused neither counts nor worries. */
export function ofProbes(all: readonly Watched<ProbeState>[], now: number): Standing | null {
  const asked = byNeed(all.filter(({ state }) => state !== 'PAUSED'));
  const wrong = asked.filter(({ state }) => state !== 'UP');
  const [worst] = wrong;
  if (worst)
    return {
      part: 'probes',
      tone: stateTone(worst.state),
      title: `${wrongOf(wrong)}, ${asked.length - wrong.length} up`,
      detail: worstOf(worst, wrong.length - 1, now),
      href: wrong.length === 1 ? `${PROBES}/${worst.id}` : `${PROBES}?state=wrong`,
    };
  const latest = asked.reduce((last, { since }) => (since > last ? since : last), '');
  if (!latest) return null;
  const detail = `${asked.length === 1 ? '' : 'all of them '}for ${lasting(latest, now)}`;
  return { part: 'probes', tone: 'ok', title: `${plural(asked.length, 'probe')} up`, detail, href: PROBES };
}

/** Null where no probe sees a certificate. */
export function ofCertificates(all: readonly Certificate[]): Standing | null {
  const [first, ...others] = [...all].sort((a, b) => a.daysLeft - b.daysLeft);
  if (!first) return null;
  const href = `${PROBES}/${first.id}`;
  const days = plural(Math.max(0, Math.floor(first.daysLeft)), 'day');
  const more = others.filter(({ daysLeft }) => daysLeft < SOON).length;
  if (first.daysLeft >= SOON)
    return {
      part: 'certificates',
      tone: 'ok',
      title: `${plural(all.length, 'certificate')} valid`,
      detail: `${all.length === 1 ? 'it ends' : 'the first ends'} in ${days}`,
      href,
    };
  const over = first.daysLeft <= 0;
  return {
    part: 'certificates',
    tone: over ? 'critical' : 'warning',
    title: over ? 'A certificate has expired' : `${plural(more + 1, 'certificate')} ${more ? 'end' : 'ends'} soon`,
    detail: `${first.name}${over ? '' : ` in ${days}`}${more ? `, and ${more} more` : ''}`,
    href,
  };
}

/** Null where no job reports. */
export function ofHeartbeats(
  all: readonly (Watched<HeartbeatState> & { expectedBy: string | null })[],
  now: number,
): Standing | null {
  const waited = byNeed(all.filter(({ state }) => state !== 'PAUSED'));
  const wrong = waited.filter(({ state }) => ['LATE', 'FAILED', 'OVERDUE'].includes(state));
  const [worst] = wrong;
  if (worst)
    return {
      part: 'heartbeats',
      tone: stateTone(worst.state),
      title: `${wrongOf(wrong)}, ${waited.length - wrong.length} well`,
      detail: worstOf(worst, wrong.length - 1, now),
      href: wrong.length === 1 ? `${HEARTBEATS}/${worst.id}` : HEARTBEATS,
    };
  if (waited.length === 0) return null;
  const next = waited.flatMap(({ expectedBy }) => expectedBy ?? []).sort()[0];
  return {
    part: 'heartbeats',
    tone: 'ok',
    title: `${plural(waited.length, 'heartbeat')} on time`,
    detail: next ? `the next is expected ${Date.parse(next) > now ? until(next, now) : 'now'}` : 'none is expected yet',
    href: HEARTBEATS,
  };
}
