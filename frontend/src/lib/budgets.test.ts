import { describe, expect, it } from 'vitest';
import { type Budget, budgetTone, budgetWords, burnWords, leftWords, shareWords } from './budgets.ts';

const budget = (changes: Partial<Budget>): Budget => ({
  left: 0.62,
  leftDuration: 'PT26M',
  good: 999,
  bad: 1,
  actual: 0.999,
  burnRate: 0.6,
  ...changes,
});

it.each([
  [0.999, '99.9%'],
  [0.99995, '99.995%'],
  [0.98755, '98.75%'],
  [0.999996, '99.999%'],
  [1, '100%'],
  [null, '–'],
])('%s is %s', (share, words) => {
  expect(shareWords(share)).toBe(words);
});

describe('what is left', () => {
  it.each([
    [{}, 'ok', '26 min of total failure are left'],
    [{ burnRate: 3 }, 'warning', '26 min of total failure are left'],
    [{ left: 0.1, leftDuration: 'PT4M' }, 'warning', '4 min of total failure are left'],
    [{ left: -0.24, leftDuration: '-PT24M' }, 'critical', 'Overspent, as if 24 min too many had failed entirely'],
    [{ left: 0, leftDuration: 'PT0S' }, 'warning', 'Nothing is left of it'],
    [{ left: 1, actual: null, burnRate: null }, 'none', 'No request was counted yet'],
  ] as const)('%#', (changes, tone, words) => {
    expect(budgetTone(budget(changes))).toBe(tone);
    expect(budgetWords(budget(changes))).toBe(words);
  });
  it('is signed', () => {
    expect(leftWords(0.62)).toBe('62%');
    expect(leftWords(-0.24)).toBe('−24%');
  });
});

it('says how fast it burns', () => {
  expect(burnWords(3.14)).toBe('Burning 3.1× as fast as it may');
  expect(burnWords(0.6)).toBe('Burning at 0.6× of what it may');
  expect(burnWords(null)).toBe('');
});
