import { describe, expect, it } from 'vitest';
import { ceiling, sparkPath, thinned } from './ticks.ts';

describe('an axis', () => {
  it.each([
    [0, 0.01, 0.01],
    [0.9, 0.01, 1],
    [5, 0.01, 6],
    [46, 1, 50],
    [0.0231, 0.01, 0.025],
  ])('to %s, at least %s, ends at %s', (high, least, top) => expect(ceiling(high, least)).toBeCloseTo(top, 10));
});

describe('a sparkline', () => {
  it('of nothing is none', () => expect(sparkPath([null, null], 96, 32)).toBeNull());
  it('breaks where a value is missing', () =>
    expect(sparkPath([1, 2, null, 3, 1], 96, 32)?.line.match(/M/g)).toHaveLength(2));
  it('crosses what is missing for a moment only', () =>
    expect(sparkPath([1, 2, 3, null, 3, 1, 2, 3, 4, 5, 6], 96, 32)?.line.match(/M/g)).toHaveLength(1));
  it('keeps a short peak', () => expect(thinned([0, 0, 9, 0, 0, 0], 3)).toEqual([0, 9, 0]));
});
