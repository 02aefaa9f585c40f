import { describe, expect, it } from 'vitest';
import { choicesOf, factsOf, factWords, usualOf } from './outside.ts';

const OK = { name: 'probe.ok', label: 'Last check', unit: '1' };
const DAYS = { name: 'tls.days_left', label: 'Days until the certificate expires', unit: 'd' };
const MEMORY = { name: 'redis.memory_used_share', label: 'Share of the memory used', unit: '1' };
const kinds = [
  { kind: 'HTTP' as const, label: 'Website', facts: [DAYS, OK] },
  { kind: 'TLS' as const, label: 'Certificate', facts: [DAYS, OK] },
  { kind: 'REDIS' as const, label: 'Redis', facts: [MEMORY, OK] },
];

describe('facts', () => {
  it('stand once each, those of every kind first', () =>
    expect(factsOf(kinds)).toEqual([
      { kind: 'Every kind', facts: [OK] },
      { kind: 'Website', facts: [DAYS] },
      { kind: 'Redis', facts: [MEMORY] },
    ]));
  it.each([
    [OK, 'Last check', 'yes or no has no unit'],
    [MEMORY, 'Share of the memory used, %', 'a share is read in per cent'],
    [{ name: 'http.latency', label: 'Time to answer', unit: 's' }, 'Time to answer, s', 'a unit follows'],
    [DAYS, DAYS.label, 'a unit that is said is not said again'],
    [{ name: 'database.slow_queries', label: 'Slow queries', unit: '{query}' }, 'Slow queries', 'nor what is counted'],
  ])('%#: %s', (fact, words, _why) => expect(factWords(fact)).toBe(words));
  it.each([
    [OK, 'BELOW', 1, 'what says yes or no is wrong when it says no'],
    [DAYS, 'BELOW', 21, 'a certificate wants weeks'],
    [MEMORY, 'ABOVE', 0.9, 'what fills is wrong when it is full'],
    [
      { name: 'api.quota_left_share', label: '', unit: '1' },
      'BELOW',
      0.1,
      'what is used up is wrong when little is left',
    ],
  ])('%#: %s %s', (fact, comparison, threshold, _why) => expect(usualOf(fact)).toEqual({ comparison, threshold }));
});

describe('what some can be chosen by', () => {
  const watched = {
    probeKinds: kinds,
    probes: [{ name: 'shop', kind: 'HTTP' as const, service: null, labels: [{ key: 'team', value: 'web' }] }],
    heartbeats: [{ name: 'export', service: null, labels: [] }],
  };
  it('of probes is the kind, the name, labels and a part', () =>
    expect([...choicesOf('probe', watched)]).toEqual([
      ['kind', ['http', 'redis', 'tls']],
      ['probe', ['shop']],
      ['team', ['web']],
      ['part', []],
    ]));
  it('of heartbeats is the name', () =>
    expect([...choicesOf('heartbeat', watched)]).toEqual([['heartbeat', ['export']]]));
});
