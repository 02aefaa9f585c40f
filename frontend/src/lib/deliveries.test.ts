import { describe, expect, it } from 'vitest';
import { channelStanding, quietWords } from './deliveries.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const channel = { enabled: true, stoppedAt: null, circuitOpenUntil: null, lastDelivery: null };

describe('channelStanding', () => {
  it.each([
    [{}, 'Never used'],
    [{ lastDelivery: { state: 'DELIVERED' } }, 'Works'],
    [{ lastDelivery: { state: 'FAILED' } }, 'Failed'],
    [{ circuitOpenUntil: '2026-11-24T12:05:00Z', lastDelivery: { state: 'FAILED' } }, 'Held back'],
    [{ circuitOpenUntil: '2026-11-24T11:55:00Z', lastDelivery: { state: 'DELIVERED' } }, 'Works'],
    [{ enabled: false }, 'Off'],
    [{ enabled: false, stoppedAt: '2026-11-24T11:00:00Z' }, 'Stopped'],
  ] as const)('%#: %s', (changes, word) => {
    expect(channelStanding({ ...channel, ...changes }, NOW).word).toBe(word);
  });
});

describe('quietWords', () => {
  const quiet = { from: '22:00', to: '07:00', timeZone: 'UTC' };
  it.each([
    [[], 'from 22:00 to 07:00'],
    [['SATURDAY', 'SUNDAY'], 'from 22:00 to 07:00, Sat and Sun'],
    [['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY'], 'from 22:00 to 07:00, Mon to Fri'],
    [['MONDAY', 'WEDNESDAY', 'FRIDAY'], 'from 22:00 to 07:00, Mon, Wed and Fri'],
  ] as const)('%s', (days, words) => {
    expect(quietWords({ ...quiet, days })).toBe(words);
  });
  it('is silent without any', () => {
    expect(quietWords(null)).toBe('');
  });
});
