import { describe, expect, it } from 'vitest';
import { countdown, when } from './time.ts';

describe('countdown', () => {
  it.each([
    [161, '2:41', 'minutes and seconds'],
    [9.2, '0:10', 'the second that has begun counts'],
    [0, '0:00', 'nothing left'],
    [-30, '0:00', 'what is over does not run backwards'],
    [3761, '1:02:41', 'hours'],
    [200_000, '2 days', 'so far away that seconds mean nothing'],
  ])('%s s is %s: %s', (seconds, words) => {
    expect(countdown(seconds)).toBe(words);
  });
});

describe('when', () => {
  const now = new Date(2026, 10, 24, 14, 30).getTime();
  it.each([
    [new Date(2026, 10, 24, 14, 33), '14:33', 'today'],
    [new Date(2026, 10, 25, 9, 0), 'Wed 09:00', 'within the week'],
    [new Date(2026, 11, 4, 9, 0), '4 Dec, 09:00', 'later'],
  ])('%s is %s: %s', (at, words) => {
    expect(when(at.getTime(), now)).toBe(words);
  });
});
