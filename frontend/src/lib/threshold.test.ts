import { describe, expect, it } from 'vitest';
import { followed, nudged, pulled, scaleOf, snapped, stepOf, typed, untyped } from './threshold.ts';

const SHARE = scaleOf('ERROR_RATE', '1');
const SECONDS = scaleOf('LATENCY_P95', 's');

describe('typing a threshold', () => {
  it.each([
    ['7', SHARE, 0.07, 'per cent'],
    ['7,5 %', SHARE, 0.075, 'a comma and the sign'],
    ['2.5', SECONDS, 2.5, 'seconds'],
    ['', SECONDS, null, 'nothing'],
    ['soon', SECONDS, null, 'no number'],
  ])('%s: %s', (text, scale, value, _why) => {
    expect(untyped(text, scale)).toBe(value);
  });
  it('shows it without the noise of binary fractions', () => {
    expect(typed(0.07, SHARE)).toBe('7');
    expect(typed(0.1 + 0.2, SECONDS)).toBe('0.3');
    expect(typed(null, SECONDS)).toBe('');
  });
});

describe('stepOf', () => {
  it.each([
    [1, 0.01],
    [0.08, 0.001],
    [4, 0.05],
    [300, 2],
    [0, 1],
  ])('of an axis of %s is %s', (height, step) => {
    expect(stepOf(height)).toBe(step);
  });
});

describe('moving a threshold', () => {
  it.each([
    ['ArrowUp', 0.051],
    ['ArrowDown', 0.049],
    ['PageUp', 0.06],
    ['Home', 0],
    ['End', 0.1],
    ['Enter', null],
  ])('%s', (key, value) => {
    expect(nudged(0.05, key, [0, 0.1], SHARE)).toBe(value);
  });
  it('ends at the end of a share and at the foot of the axis', () => {
    expect(nudged(1, 'ArrowUp', [0, 1], SHARE)).toBe(1);
    expect(pulled(1.4, [0, 2], SHARE)).toBe(1);
    expect(pulled(-3, [0, 2], SECONDS)).toBe(0);
  });
  it('lands on round numbers', () => {
    expect(pulled(0.046_337, [0, 0.1], SHARE)).toBe(0.046);
    expect(snapped(0.300_000_004, 0.1)).toBe(0.3);
  });
  it('takes the recovery along', () => {
    expect(followed(0.04, 0.05, 0.1)).toBe(0.08);
    expect(followed(null, 0.05, 0.1)).toBeNull();
    expect(followed(0, 0, 0.1)).toBe(0);
  });
});
