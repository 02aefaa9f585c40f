import { describe, expect, it } from 'vitest';
import { barsOf, byDay, coloursOf, type Duty, joined, mondayOf, weeksFrom } from './roster.ts';

const duty = (startsAt: string, endsAt: string, name = 'Maya', rotation: string | null = 'first'): Duty => ({
  person: { id: name, name },
  startsAt,
  endsAt,
  override: false,
  rotation,
});

it('begins a week on Monday in the place of the schedule', () => {
  expect(mondayOf(Date.parse('2026-11-24T12:00:00Z'), 'UTC')).toBe('2026-11-23');
  expect(mondayOf(Date.parse('2026-11-22T23:30:00Z'), 'Europe/Berlin')).toBe('2026-11-23');
  expect(mondayOf(Date.parse('2026-11-22T22:30:00Z'), 'Europe/Berlin')).toBe('2026-11-16');
});

describe('barsOf', () => {
  const [week] = weeksFrom('2026-11-23', 1, 'UTC');
  if (!week) throw new Error('no week');
  it('lays a hand-over in one lane and a second watch below', () => {
    const bars = barsOf(
      [
        duty('2026-11-20T09:00:00Z', '2026-11-24T12:00:00Z'),
        duty('2026-11-24T12:00:00Z', '2026-12-01T09:00:00Z', 'Tomas'),
        duty('2026-11-25T00:00:00Z', '2026-11-26T00:00:00Z', 'Ines', 'second'),
      ],
      week,
    );
    expect(bars.map(({ start, end, lane, before, after }) => [start, end, lane, before, after])).toEqual([
      [0, 1.5, 0, true, false],
      [1.5, 7, 0, false, true],
      [2, 3, 1, false, false],
    ]);
  });
  it('leaves out what lies elsewhere', () => {
    expect(barsOf([duty('2026-12-01T00:00:00Z', '2026-12-02T00:00:00Z')], week)).toEqual([]);
  });
  it('draws a day with another hour as wide as the others', () => {
    const [change] = weeksFrom('2026-10-19', 1, 'Europe/Berlin');
    if (!change) throw new Error('no week');
    expect((change.to - change.from) / 3_600_000).toBe(169);
    const bars = barsOf([duty('2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z')], change);
    expect([bars[0]?.start, bars[0]?.end]).toEqual([6, 7]);
  });
});

it('joins what follows without a break', () => {
  expect(
    joined([
      duty('2026-11-24T00:00:00Z', '2026-11-25T00:00:00Z'),
      duty('2026-11-25T00:00:00Z', '2026-11-26T00:00:00Z'),
      duty('2026-11-27T00:00:00Z', '2026-11-28T00:00:00Z'),
    ]).map(({ startsAt, endsAt }) => [startsAt.slice(8, 10), endsAt.slice(8, 10)]),
  ).toEqual([
    ['24', '26'],
    ['27', '28'],
  ]);
});

it('gives everybody a colour to keep', () => {
  expect(coloursOf(['Tomas', 'Maya', 'Tomas'], 4)).toEqual(
    new Map([
      ['Maya', 0],
      ['Tomas', 1],
    ]),
  );
});

it('lists who is there on each day', () => {
  const [week] = weeksFrom('2026-11-23', 1, 'UTC');
  if (!week) throw new Error('no week');
  const days = byDay([duty('2026-11-24T12:00:00Z', '2026-11-25T12:00:00Z')], week);
  expect(days.map(({ duties }) => duties.length)).toEqual([0, 1, 1, 0, 0, 0, 0]);
});
