import { describe, expect, it } from 'vitest';
import {
  boundsOf,
  DEFAULT_RANGE,
  labelOf,
  lengthOf,
  parseDuration,
  pulseOf,
  queryOf,
  rangeOf,
  spell,
} from './range.ts';

const of = (query: string) => rangeOf(new URLSearchParams(query));

describe('a duration', () => {
  it.each([
    ['PT6H', 21_600],
    ['P1DT30M', 88_200],
    ['P2W', 1_209_600],
    ['PT10S', 10],
    ['P', null],
    ['PT', null],
    ['6h', null],
  ])('%s is %s seconds', (written, seconds) => expect(parseDuration(written)).toBe(seconds));
});

describe('the address', () => {
  it('without a range means the default', () => expect(of('')).toEqual(DEFAULT_RANGE));
  it('holds a sliding range', () => expect(of('last=P7D')).toEqual({ last: 'P7D' }));
  it('ignores nonsense', () => expect(of('last=yesterday')).toEqual(DEFAULT_RANGE));
  it('holds two instants', () =>
    expect(of('from=2026-11-24T08:30:00Z&to=2026-11-24T14:10:00Z')).toEqual({
      from: '2026-11-24T08:30:00.000Z',
      to: '2026-11-24T14:10:00.000Z',
    }));
  it('ignores an end before the start', () =>
    expect(of('from=2026-11-24T08:30:00Z&to=2026-11-23T14:10:00Z')).toEqual(DEFAULT_RANGE));
  it('says again what it said', () => {
    const range = of('from=2026-11-24T08:30:00Z&to=2026-11-24T14:10:00Z');
    expect(queryOf(range)).toEqual({ last: null, from: '2026-11-24T08:30:00Z', to: '2026-11-24T14:10:00Z' });
  });
});

describe('a range', () => {
  it('knows its bounds', () => expect(boundsOf({ last: 'PT1H' }, 10_000)).toEqual([6400, 10_000]));
  it('knows its length', () =>
    expect(lengthOf({ from: '2026-11-24T08:00:00Z', to: '2026-11-24T08:05:00Z' })).toBe(300));
  it('is asked again more seldom the longer it is', () => {
    expect(pulseOf({ last: 'PT15M' })).toBe(10_000);
    expect(pulseOf({ last: 'PT6H' })).toBe(216_000);
    expect(pulseOf({ from: '2026-11-24T08:00:00Z', to: '2026-11-24T08:05:00Z' })).toBeNull();
  });
  it('has a name', () => {
    expect(labelOf({ last: 'PT6H' })).toBe('Last 6 hours');
    expect(labelOf({ last: 'PT90M' })).toBe('Last 90 minutes');
  });
  it.each([
    [3600, '1 hour'],
    [5400, '90 minutes'],
    [172_800, '2 days'],
    [10, '10 seconds'],
  ])('of %s seconds is %s', (length, words) => expect(spell(length)).toBe(words));
});
