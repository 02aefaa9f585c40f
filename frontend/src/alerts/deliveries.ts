import type { IconName } from '../ui/icons.ts';
import type { AlertFull } from './queries.ts';

type Sent = AlertFull['notifications'][number];

const STATES: Record<Sent['state'], { icon: IconName; word: string; tone: 'ok' | 'critical' | 'none' | 'info' }> = {
  WAITING: { icon: 'clock', word: 'Waiting', tone: 'none' },
  SENDING: { icon: 'send', word: 'Being sent', tone: 'info' },
  DELIVERED: { icon: 'check', word: 'Delivered', tone: 'ok' },
  FAILED: { icon: 'x', word: 'Failed', tone: 'critical' },
  DROPPED: { icon: 'pause', word: 'Not sent', tone: 'none' },
  SET_ASIDE: { icon: 'x', word: 'Set aside', tone: 'critical' },
};

export function deliveryIcon(sent: Sent): IconName {
  return STATES[sent.state].icon;
}

export function deliveryTone(sent: Sent): 'ok' | 'critical' | 'none' | 'info' {
  return STATES[sent.state].tone;
}

/** `Delivered`, `Not sent: acknowledged before` */
export function deliveryWord(sent: Sent): string {
  const { word } = STATES[sent.state];
  return sent.reason ? `${word}: ${sent.reason}` : word;
}

const OUTCOMES = {
  SENDING: 'Being sent',
  DELIVERED: 'Delivered',
  TEMPORARY: 'Failed, tried again',
  REFUSED: 'Refused for good',
  UNKNOWN: 'Cut off, outcome unknown',
} as const;

export function outcomeWord(outcome: keyof typeof OUTCOMES): string {
  return OUTCOMES[outcome];
}

const KINDS: Record<Sent['channel']['kind'], IconName> = {
  EMAIL: 'mail',
  SLACK: 'hash',
  WEBHOOK: 'webhook',
  PAGERDUTY: 'siren',
  APPRISE: 'send',
};

export function channelIcon(kind: Sent['channel']['kind']): IconName {
  return KINDS[kind];
}
