import { describe, expect, it } from 'vitest';
import { briefly, isoOf, partsOf, secondsOf, spoken } from './spans.ts';

describe('isoOf', () => {
  it.each([
    [0, 'PT0S', 'nothing'],
    [90, 'PT1M30S', 'minutes and seconds'],
    [300, 'PT5M', 'minutes'],
    [5400, 'PT1H30M', 'hours and minutes'],
    [86_400, 'P1D', 'a day'],
    [90_061, 'P1DT1H1M1S', 'all of it'],
  ])('%s is %s: %s', (seconds, iso, _why) => {
    expect(isoOf(seconds)).toBe(iso);
    expect(secondsOf(iso)).toBe(seconds);
  });
});

describe('partsOf', () => {
  it.each([
    [300, { amount: 5, unit: 'minutes' }],
    [90, { amount: 90, unit: 'seconds' }],
    [7200, { amount: 2, unit: 'hours' }],
    [2_592_000, { amount: 30, unit: 'days' }],
    [0, { amount: 0, unit: 'minutes' }],
  ])('%s', (seconds, parts) => {
    expect(partsOf(seconds)).toEqual(parts);
  });
});

describe('briefly', () => {
  it.each([
    [45, '45 s'],
    [60, '1 min'],
    [90, '90 s'],
    [300, '5 min'],
    [5400, '1 h 30 min'],
    [86_400, '1 day'],
    [2_592_000, '30 days'],
    [-720, '−12 min'],
    [0, '0 s'],
  ])('%s is %s', (seconds, words) => {
    expect(briefly(seconds)).toBe(words);
  });
});

it('speaks what came over the wire', () => {
  expect(spoken('PT15M')).toBe('15 min');
  expect(spoken('-PT12M')).toBe('−12 min');
  expect(spoken(null)).toBe('');
});
