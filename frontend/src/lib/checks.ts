import type { Beat } from '../ui/Beats.svelte';
import type { Tone } from '../ui/Glyph.svelte';
import { plural, seconds, text } from './numbers.ts';
import { clock } from './time.ts';

export type ProbeState = 'UP' | 'DOUBTFUL' | 'DOWN' | 'BLOCKED' | 'UNKNOWN' | 'PAUSED';
export type HeartbeatState = 'NEW' | 'UP' | 'RUNNING' | 'LATE' | 'FAILED' | 'OVERDUE' | 'PAUSED';
type AnyState = ProbeState | HeartbeatState;

/** How bad, how it is drawn, and what it is called; what needs somebody first. */
const STATES: Record<AnyState, readonly [order: number, tone: Tone, word: string]> = {
  DOWN: [0, 'critical', 'Down'],
  FAILED: [0, 'critical', 'Failed'],
  LATE: [0, 'critical', 'Late'],
  OVERDUE: [1, 'warning', 'Runs too long'],
  DOUBTFUL: [1, 'warning', 'In doubt'],
  BLOCKED: [2, 'silent', 'Blocked'],
  UNKNOWN: [3, 'none', 'Not known'],
  NEW: [3, 'none', 'Not heard of yet'],
  RUNNING: [4, 'info', 'Running'],
  UP: [5, 'ok', 'Up'],
  PAUSED: [6, 'none', 'Paused'],
};

export function stateTone(state: AnyState): Tone {
  return STATES[state][1];
}

export function stateWord(state: AnyState): string {
  return STATES[state][2];
}

/** What needs somebody before what does not, then by name. */
export function byNeed<T extends { state: AnyState; name: string }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => STATES[a.state][0] - STATES[b.state][0] || a.name.localeCompare(b.name, 'en'));
}

/** `2 down, 1 in doubt, 7 up`: every state that there is, the worst first. */
export function tally(list: readonly { state: AnyState }[]): string {
  const counts = new Map<AnyState, number>();
  for (const { state } of list) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => STATES[a][0] - STATES[b][0])
    .map(([state, amount]) => `${amount} ${stateWord(state).toLowerCase()}`)
    .join(', ');
}

/** The one sentence above the list; null while nothing is wrong. */
export function troubleOf(list: readonly { state: AnyState; name: string }[], what: string): string | null {
  const wrong = byNeed(list).filter(({ state }) => STATES[state][0] === 0);
  const [first] = wrong;
  if (!first) return null;
  const said = stateWord(first.state).toLowerCase();
  if (wrong.length === 1) return first.state === 'FAILED' ? `${first.name} failed` : `${first.name} is ${said}`;
  if (wrong.every(({ state }) => state === 'DOWN')) return `${plural(wrong.length, what)} are down`;
  return `${plural(wrong.length, what)} need somebody`;
}

/** The newest checks as bars: `down` where it failed, `none` where nobody asked. */
export function barsOf(beats: {
  at: readonly number[];
  up: readonly (number | null)[];
  latency: readonly (number | null)[];
}): Beat[] {
  return beats.at.map((at, place) => {
    const up = beats.up[place] ?? null;
    const latency = beats.latency[place] ?? null;
    const said = up === null ? 'nobody asked' : up > 0 ? 'up' : 'failed';
    return {
      at,
      state: up === null ? 'none' : up > 0 ? 'ok' : 'down',
      title: `${clock(at * 1000)}: ${said}${latency === null ? '' : `, ${text(seconds(latency))}`}`,
    };
  });
}

interface Told {
  at: string;
  ok: boolean;
  state: ProbeState;
  message: string;
}

/** Checks that said the same one after the other as one: the newest of them, since when, and how many. The newest first. */
export function runsOf<T extends Told>(checks: readonly T[]): { newest: T; since: string; count: number }[] {
  const runs: { newest: T; since: string; count: number }[] = [];
  for (const one of checks) {
    const last = runs.at(-1);
    const same =
      last && last.newest.ok === one.ok && last.newest.state === one.state && last.newest.message === one.message;
    if (same && last) Object.assign(last, { since: one.at, count: last.count + 1 });
    else runs.push({ newest: one, since: one.at, count: 1 });
  }
  return runs;
}

/** What a fact's number is drawn as: its name tells a share from a plain number. */
export function isShare(name: string, unit: string): boolean {
  return unit === '1' && /(_share|_ratio)$/.test(name);
}

/** A fact that only says yes or no. */
export function isFlag(name: string): boolean {
  return /(\.(up|ok|healthy)|_ok|_enabled|_up)$/.test(name);
}
