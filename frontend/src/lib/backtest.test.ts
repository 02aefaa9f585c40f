import { describe, expect, it } from 'vitest';
import { axisOf, type Firing, stretchesOf, together, verdictOf, worstFirst } from './backtest.ts';

const START = Date.parse('2026-11-24T12:00:00Z') / 1000;
const at = (minutes: number) => new Date((START + minutes * 60) * 1000).toISOString();
const firing = (from: number, to: number | null, subject = 'shop'): Firing => ({
  subject,
  pendingAt: null,
  openedAt: at(from),
  resolvedAt: to === null ? null : at(to),
  peak: 1,
});

describe('stretchesOf', () => {
  it.each([
    [[], [], 'nothing fired'],
    [[firing(10, 20)], [[10, 20]], 'one'],
    [
      [firing(30, 40), firing(10, 20)],
      [
        [10, 20],
        [30, 40],
      ],
      'in order of time',
    ],
    [[firing(10, 20), firing(15, 30, 'cart')], [[10, 30]], 'two subjects at once are one stretch'],
    [[firing(50, null)], [[50, 60]], 'what goes on ends at the end'],
  ])('%#: %s', (firings, expected, _why) => {
    expect(stretchesOf(firings, START + 3600)).toEqual(
      expected.map(([from = 0, to = 0]) => ({ from: START + from * 60, to: START + to * 60 })),
    );
  });
});

describe('axisOf', () => {
  it.each([
    [[[0.01, 0.02]], [0.05], 1, [0, 0.08], 'the threshold lies within, with air above it'],
    [[[0.4, 0.9]], [0.05], 1, [0, 1], 'a share ends at 1'],
    [[[0.999, 1, null]], [0.995], 1, [0.993, 1], 'near the top the foot is raised'],
    [[[null]], [null], null, [0, 1], 'nothing measured'],
  ])('%#: %s', (columns, levels, top, axis, _why) => {
    const [low, high] = axisOf(columns, levels, top);
    expect(low).toBeCloseTo(axis[0] ?? 0, 6);
    expect(high).toBeCloseTo(axis[1] ?? 0, 6);
  });
});

it('says what would have happened', () => {
  expect(verdictOf(0, 0, 0)).toBe('It would not have fired.');
  expect(verdictOf(1, 1, 0)).toBe('1 firing, 1 page, none at night');
  expect(verdictOf(12, 4, 2)).toBe('12 firings, 4 pages, 2 at night');
});

it('puts subjects that broke first', () => {
  const subjects = ['a', 'b', 'c'].map((subject) => ({ subject }));
  expect(worstFirst(subjects, [firing(1, 2, 'c'), firing(3, 4, 'c'), firing(5, 6, 'b')], 2)).toEqual([
    { subject: 'c' },
    { subject: 'b' },
  ]);
});

it('lays columns over one axis of time', () => {
  expect(
    together([
      { at: [10, 20], values: [1, 2] },
      { at: [20, 30], values: [3, 4] },
    ]),
  ).toEqual({
    at: [10, 20, 30],
    columns: [
      [1, 2, null],
      [null, 3, 4],
    ],
  });
});
