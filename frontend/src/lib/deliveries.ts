import { listed } from './recurrence.ts';

export type DeliveryState = 'WAITING' | 'SENDING' | 'DELIVERED' | 'FAILED' | 'DROPPED' | 'SET_ASIDE';
export type Outcome = 'SENDING' | 'DELIVERED' | 'TEMPORARY' | 'REFUSED' | 'UNKNOWN';
export type Weekday = 'MONDAY' | 'TUESDAY' | 'WEDNESDAY' | 'THURSDAY' | 'FRIDAY' | 'SATURDAY' | 'SUNDAY';
type Tone = 'ok' | 'warning' | 'critical' | 'info' | 'none';

export const WEEK: readonly Weekday[] = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'];

const STATES: Record<DeliveryState, [Tone, string]> = {
  WAITING: ['info', 'Waiting'],
  SENDING: ['info', 'Being sent'],
  DELIVERED: ['ok', 'Delivered'],
  FAILED: ['critical', 'Failed'],
  DROPPED: ['none', 'Not needed any more'],
  SET_ASIDE: ['critical', 'Set aside'],
};
const OUTCOMES: Record<Outcome, [Tone, string]> = {
  SENDING: ['info', 'being sent'],
  DELIVERED: ['ok', 'delivered'],
  TEMPORARY: ['warning', 'to be tried again'],
  REFUSED: ['critical', 'refused for good'],
  UNKNOWN: ['warning', 'no answer, it may have arrived'],
};

export function stateWords(state: DeliveryState): { tone: Tone; word: string } {
  const [tone, word] = STATES[state];
  return { tone, word };
}

export function outcomeWords(outcome: Outcome): { tone: Tone; word: string } {
  const [tone, word] = OUTCOMES[outcome];
  return { tone, word };
}

interface Standing {
  enabled: boolean;
  stoppedAt: string | null;
  circuitOpenUntil: string | null;
  lastDelivery: { state: DeliveryState } | null;
}

/** How a channel stands, in a word: stopped before held back before what happened last. */
export function channelStanding(channel: Standing, now: number): { tone: Tone; word: string } {
  if (channel.stoppedAt) return { tone: 'critical', word: 'Stopped' };
  if (!channel.enabled) return { tone: 'none', word: 'Off' };
  if (channel.circuitOpenUntil && Date.parse(channel.circuitOpenUntil) > now)
    return { tone: 'warning', word: 'Held back' };
  if (!channel.lastDelivery) return { tone: 'none', word: 'Never used' };
  if (channel.lastDelivery.state === 'DELIVERED') return { tone: 'ok', word: 'Works' };
  return stateWords(channel.lastDelivery.state);
}

/** `from 22:00 to 07:00, Mon to Fri` or the like; empty where there are none. */
export function quietWords(
  quiet: { from: string; to: string; timeZone: string; days: readonly Weekday[] } | null,
): string {
  if (!quiet) return '';
  const days = WEEK.filter((day) => quiet.days.includes(day));
  const short = (day: Weekday) => day.charAt(0) + day.slice(1, 3).toLowerCase();
  const places = days.map((day) => WEEK.indexOf(day));
  const inRow = places.every((place, index) => index === 0 || place === (places[index - 1] ?? 0) + 1);
  const on =
    days.length === 0 || days.length === 7
      ? ''
      : inRow && days.length > 2
        ? `, ${short(days[0] as Weekday)} to ${short(days.at(-1) as Weekday)}`
        : `, ${listed(days.map(short))}`;
  return `from ${quiet.from} to ${quiet.to}${on}`;
}
