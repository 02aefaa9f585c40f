import { describe, expect, it } from 'vitest';
import { momentsOf, moved, nextDelay, onlyWords, reachedAfter, rehearsalWords } from './ladder.ts';

it('says when and for what a level is reached', () => {
  expect(reachedAfter(0)).toBe('at once');
  expect(reachedAfter(900)).toBe('after 15 min');
  expect(onlyWords([])).toBe('');
  expect(onlyWords(['WARNING', 'CRITICAL'])).toBe('only critical and warning');
});

it.each([
  [[], 0],
  [[0], 900],
  [[0, 900], 1800],
  [[0, 900, 3600], 6300],
])('after %s comes %s', (delays, next) => {
  expect(nextDelay(delays)).toBe(next);
});

const at = (minutes: number) => new Date(Date.parse('2026-11-24T03:00:00Z') + minutes * 60_000).toISOString();
const channel = (minutes: number, name = 'mail', problem: string | null = null) => ({ name, at: at(minutes), problem });

describe('rehearsalWords', () => {
  const opened = Date.parse(at(0));
  it.each([
    [[], 'Nobody would be reached.'],
    [[{ at: at(0), person: { name: 'Maya' }, channels: [channel(0, 'mail', 'stopped')] }], 'Nobody would be reached.'],
    [[{ at: at(0), person: { name: 'Maya' }, channels: [channel(0)] }], 'Maya would hear of it at once.'],
    [
      [
        { at: at(0), person: { name: 'Maya' }, channels: [channel(240)] },
        { at: at(15), person: null, channels: [channel(15, 'Slack')] },
        { at: at(15), person: { name: 'Ines' }, channels: [channel(15)] },
      ],
      'Slack and 1 more would hear of it after 15 min.',
    ],
  ])('%#: %s', (steps, words) => {
    expect(rehearsalWords(steps, opened)).toBe(words);
  });
});

it('puts what happens together into one moment', () => {
  const step = (minutes: number, level: number) => ({ at: at(minutes), level, name: `level ${level}` });
  expect(
    momentsOf([step(0, 1), step(0, 1), step(15, 2), step(15, 3)]).map(({ level, steps }) => [level, steps.length]),
  ).toEqual([
    [1, 2],
    [2, 1],
    [3, 1],
  ]);
});

it('moves an entry', () => {
  expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b']);
  expect(moved(['a', 'b'], 1, 1)).toEqual(['a', 'b']);
});
