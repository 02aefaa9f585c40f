import { describe, expect, it } from 'vitest';
import { blank } from './form.ts';
import { differencesOf, joined, wordingOf } from './wording.ts';

const before = blank('shop');
const names = { rules: [{ id: 'r1', name: 'disk_full' }], escalationPolicies: [{ id: 'p1', name: 'At night' }] };

describe('two people change one rule', () => {
  const mine = { ...before, threshold: 0.07, runbook: '1. Look', severity: 'CRITICAL' as const };
  const theirs = { ...before, threshold: 0.08, window: 600, severity: 'CRITICAL' as const };

  it('tells whose each difference is, and leaves out what both changed alike', () => {
    expect(differencesOf(before, mine, theirs)).toEqual([
      { field: 'threshold', by: 'both' },
      { field: 'window', by: 'theirs' },
      { field: 'runbook', by: 'mine' },
    ]);
  });

  it('joins the chosen fields of mine with the rest of theirs', () => {
    const chosen = joined(theirs, mine, ['threshold', 'runbook']);
    expect(chosen).toEqual({ ...before, threshold: 0.07, window: 600, runbook: '1. Look', severity: 'CRITICAL' });
    expect(joined(theirs, mine, [])).toEqual(theirs);
  });
});

describe('a field in words', () => {
  it.each([
    ['a share in per cent', { threshold: 0.07 }, 'threshold', '1', '7%'],
    ['a unit apart from its number', { signal: 'TLS_DAYS_LEFT', threshold: 14 }, 'threshold', 'd', '14 days'],
    ['a recovery value that there is not', { recovery: null }, 'recovery', '1', 'none'],
    ['a length of time', { window: 600 }, 'window', '1', '10 min'],
    ['what it depends on by name', { dependsOn: ['r1', 'gone'] }, 'dependsOn', '1', 'disk_full, gone'],
    ['a policy by name', { policy: 'p1' }, 'policy', '1', 'At night'],
    ['the policy of those that name none', { policy: null }, 'policy', '1', 'the default'],
    ['a runbook that was emptied', { runbook: '' }, 'runbook', '1', 'empty'],
  ] as const)('%s', (_, change, field, unit, words) => {
    expect(wordingOf({ ...before, ...change } as typeof before, field, unit, names)).toBe(words);
  });
});
