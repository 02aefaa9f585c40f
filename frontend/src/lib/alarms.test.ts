import { describe, expect, it } from 'vitest';
import {
  type Alarm,
  byUrgency,
  firm,
  groupOf,
  headlineOf,
  holdWords,
  isAbout,
  merged,
  newlyCritical,
  responseClock,
} from './alarms.ts';

const NOW = Date.parse('2026-11-24T14:30:00Z');
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
const HOLD = { kind: 'SUPPRESSED', until: null, reason: 'a known problem' } as const;

function alarm(changes: Partial<Alarm> = {}): Alarm {
  return {
    id: 'a',
    state: 'FIRING',
    severity: 'CRITICAL',
    summary: 'Error rate of checkout above 5%',
    openedAt: ago(3),
    acknowledgedBy: null,
    resolvedAt: null,
    responseDueAt: new Date(NOW + 120_000).toISOString(),
    heldBy: null,
    ...changes,
  };
}
const taken: Partial<Alarm> = { state: 'ACKNOWLEDGED', acknowledgedBy: { name: 'Maya' } };

describe('isAbout', () => {
  const attributes = [
    { key: 'probe', value: 'db' },
    { key: 'kind', value: 'heartbeat' },
  ];
  it.each([
    ['probe', 'db', true, 'it is about this probe'],
    ['probe', 'd', false, 'not about one whose name begins alike'],
    ['heartbeat', 'db', false, 'nor about a heartbeat of the same name'],
  ] as const)('%s %s: %s, %s', (what, name, said, _why) => expect(isAbout({ attributes }, what, name)).toBe(said));
});

describe('groupOf', () => {
  it.each([
    [alarm(), 'waiting', 'nobody has answered'],
    [alarm(taken), 'taken', 'somebody has it'],
    [alarm({ heldBy: HOLD }), 'held', 'it does not page now'],
    [alarm({ ...taken, heldBy: HOLD }), 'taken', 'whoever has it has it, paging or not'],
  ])('%#: %s', (one, group, _why) => {
    expect(groupOf(one)).toBe(group);
  });
});

describe('byUrgency', () => {
  it('puts what waits first, then severity, then age', () => {
    const sorted = byUrgency([
      alarm({ id: 'held', heldBy: HOLD }),
      alarm({ id: 'taken', ...taken }),
      alarm({ id: 'warning', severity: 'WARNING', openedAt: ago(90) }),
      alarm({ id: 'young', openedAt: ago(1) }),
      alarm({ id: 'old', openedAt: ago(9) }),
    ]);
    expect(sorted.map(({ id }) => id)).toEqual(['old', 'young', 'warning', 'taken', 'held']);
  });
});

describe('responseClock', () => {
  it.each([
    [alarm(), { state: 'running', words: 'Answer within 2:00', share: 0.6, urgent: false }, 'time is left'],
    [
      alarm({ openedAt: ago(18) }),
      { state: 'running', words: 'Answer within 2:00', share: 0.9, urgent: true },
      'little time is left',
    ],
    [
      alarm({ responseDueAt: ago(4) }),
      { state: 'late', words: 'Answer overdue by 4 min', share: 1, urgent: true },
      'nobody answered in time',
    ],
    [alarm(taken), null, 'somebody answered'],
    [alarm({ heldBy: HOLD }), null, 'nobody is asked while it is held'],
    [alarm({ responseDueAt: null }), null, 'no time was set'],
  ])('%#', (one, clock, _why) => {
    expect(responseClock(one, NOW)).toEqual(clock);
  });
});

describe('headlineOf', () => {
  it.each([
    [[], null, 'all is well'],
    [[alarm({ heldBy: HOLD })], null, 'what is held is no news'],
    [[alarm({ state: 'RESOLVED' })], null, 'what is over is no news'],
    [[alarm()], 'Critical for 3 min. Nobody has answered yet.', 'one alert'],
    [[alarm({ responseDueAt: ago(1) })], 'Critical for 3 min. Nobody has answered yet, overdue by 1 min.', 'too late'],
    [
      [alarm(), alarm({ id: 'b' })],
      'Critical for 3 min. Nobody has answered yet. 1 more waits for an answer.',
      'two wait',
    ],
    [
      [alarm(), alarm({ id: 'b', ...taken })],
      'Critical for 3 min. Nobody has answered yet. 1 other is being worked on.',
      'one waits, one is taken',
    ],
    [[alarm(taken)], 'Critical for 3 min. Maya has it.', 'somebody has it'],
    [
      [alarm(taken), alarm({ id: 'b', ...taken })],
      'Critical for 3 min. Maya has it. 1 more is being worked on.',
      'both are taken',
    ],
  ])('%#: %s', (alarms, detail, _why) => {
    expect(headlineOf(alarms, NOW)?.detail ?? null).toBe(detail);
  });
});

it('says why and until when an alert is held', () => {
  expect(holdWords(HOLD, NOW)).toBe('Suppressed');
  expect(
    holdWords(
      { kind: 'MAINTENANCE', until: new Date(2026, 10, 24, 15, 30).toISOString(), reason: '' },
      new Date(2026, 10, 24, 14, 30).getTime(),
    ),
  ).toBe('Maintenance until 15:30');
});

it('calls out a critical alert once', () => {
  const known = new Set(['a']);
  const alarms = [
    alarm(),
    alarm({ id: 'b' }),
    alarm({ id: 'c', severity: 'WARNING' }),
    alarm({ id: 'd', ...taken }),
    alarm({ id: 'e', heldBy: HOLD }),
  ];
  expect(newlyCritical(known, alarms).map(({ id }) => id)).toEqual(['b']);
});

it('lays changes over what was known', () => {
  const changed = new Map([
    ['a', alarm({ state: 'RESOLVED' })],
    ['c', alarm({ id: 'c' })],
  ]);
  expect(merged([alarm(), alarm({ id: 'b' })], changed).map(({ id }) => id)).toEqual(['b', 'c']);
});

it('keeps a number on the line of its unit', () => {
  expect(firm('Error rate is 6.8 %, above 5 % for 1 min since 4 210 jobs')).toBe(
    'Error rate is 6.8\u00a0%, above 5\u00a0% for 1\u00a0min since 4\u00a0210 jobs',
  );
});
