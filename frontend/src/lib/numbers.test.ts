import { describe, expect, it } from 'vitest';
import { change, count, plural, rate, ratio, seconds, text } from './numbers.ts';

describe('numbers carry their unit', () => {
  it.each([
    [null, '–'],
    [Number.NaN, '–'],
    [0, '0 ms'],
    [0.000_042, '42.0 µs'],
    [0.0042, '4.2 ms'],
    [0.84, '840 ms'],
    [0.9996, '1.00 s'],
    [3.3, '3.30 s'],
    [42.04, '42.0 s'],
    [118, '118 s'],
    [150, '2.5 min'],
  ])('%s seconds read %s', (value, shown) => expect(text(seconds(value))).toBe(shown));

  it.each([
    [0, '0%'],
    [1, '100%'],
    [0.0241, '2.41%'],
    [0.9994, '99.94%'],
    [0.99995, '99.995%'],
    [0.999_999, '100%'],
    [0.461, '46.1%'],
    [null, '–'],
  ])('a ratio of %s reads %s', (value, shown) => expect(text(ratio(value))).toBe(shown));

  it('never rounds what is short of everything up to all of it', () => {
    expect(text(ratio(0.999_99))).toBe('99.999%');
  });

  it.each([
    [0, '0/s'],
    [0.01, '0.60/min'],
    [2.5, '2.50/s'],
    [312.4, '312/s'],
    [12_345, '12.3 k/s'],
  ])('a rate of %s reads %s', (value, shown) => expect(text(rate(value))).toBe(shown));

  it.each([
    [9_999, '9,999'],
    [12_345, '12.3 k'],
    [1_250_000, '1.25 M'],
  ])('%s is counted as %s', (value, shown) => expect(count(value)).toBe(shown));

  it('counts one thing in the singular', () => {
    expect(plural(1, 'request')).toBe('1 request');
    expect(plural(0, 'request')).toBe('0 requests');
  });
});

describe('a change', () => {
  it('of time is a time', () => expect(change('seconds', 0.84, 0.54)).toBe('+300 ms'));
  it('of a ratio is in points', () => expect(change('ratio', 0.0241, 0.005)).toBe('+1.9 pts'));
  it('of a rate is in per cent', () => expect(change('rate', 5, 10)).toBe('−50%'));
  it('against nothing is none', () => {
    expect(change('rate', 5, 0)).toBeNull();
    expect(change('seconds', 5, null)).toBeNull();
  });
  it('too small to matter says so', () => expect(change('seconds', 0.1, 0.100_01)).toBe('±0'));
});
