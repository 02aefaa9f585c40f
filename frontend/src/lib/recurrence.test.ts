import { describe, expect, it } from 'vitest';
import { parseRule, placeOf, recurrenceWords, ruleOf, weekdayOf, weeklyOn } from './recurrence.ts';

describe('a rule and its words', () => {
  it.each([
    ['FREQ=DAILY', 'every day'],
    ['FREQ=DAILY;INTERVAL=3', 'every 3 days'],
    ['FREQ=WEEKLY;BYDAY=TU', 'every Tuesday'],
    ['FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR', 'every weekday'],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH', 'every 2 weeks on Mon and Thu'],
    ['FREQ=WEEKLY;BYDAY=MO,WE,FR', 'every week on Mon, Wed and Fri'],
    ['FREQ=MONTHLY;BYMONTHDAY=1', 'on the 1st of every month'],
    ['FREQ=MONTHLY;BYMONTHDAY=12', 'on the 12th of every month'],
    ['FREQ=MONTHLY;BYDAY=1SU', 'on the first Sunday of every month'],
    ['FREQ=MONTHLY;BYDAY=-1FR', 'on the last Friday of every month'],
    ['FREQ=WEEKLY;BYDAY=TU;UNTIL=20261231T235959', 'every Tuesday, until 31 Dec 2026'],
    ['FREQ=DAILY;COUNT=5', 'every day, 5 times'],
  ])('%s is %s', (rule, words) => {
    expect(recurrenceWords(rule)).toBe(words);
    const parsed = parseRule(rule);
    expect(parsed && ruleOf(parsed)).toBe(rule);
  });
});

describe('what the form cannot show', () => {
  it.each([
    'FREQ=YEARLY',
    'FREQ=MONTHLY;BYDAY=1MO,3MO',
    'FREQ=DAILY;BYHOUR=3',
    'FREQ=MONTHLY;BYMONTHDAY=1,15',
    'nonsense',
  ])('%s stays text', (rule) => {
    expect(parseRule(rule)).toBeNull();
    expect(recurrenceWords(rule)).toBe(rule);
  });
});

it('begins with the day it first happens on', () => {
  expect(weekdayOf('2026-11-24')).toBe('TU');
  expect(ruleOf(weeklyOn('2026-11-24T22:00'))).toBe('FREQ=WEEKLY;BYDAY=TU');
  expect(placeOf('2026-11-24')).toBe(4);
  expect(placeOf('2026-11-30')).toBe(-1);
});
