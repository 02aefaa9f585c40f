import { expect, it } from 'vitest';
import { rulesWords, type Standing, standingTone, standingWords, worstStanding } from './standings.ts';

const of = (...standings: Standing[]) => standings.map((standing) => ({ standing }));

it.each([
  [of(), 'nothing seen yet', null],
  [of('OK', 'FIRING', 'OK'), '1 firing, 2 well', 'FIRING'],
  [of('UNKNOWN', 'PENDING'), '1 pending, 1 without data', 'PENDING'],
  [of('OK'), '1 well', 'OK'],
] as const)('%#: %s', (subjects, words, worst) => {
  expect(standingWords(subjects)).toBe(words);
  expect(worstStanding(subjects)).toBe(worst);
});

it('takes the severity for the tone of what fires', () => {
  expect(standingTone('FIRING', 'INFO')).toBe('info');
  expect(standingTone(null, 'INFO')).toBe('none');
});

it('counts what is wrong with rules', () => {
  const well = { enabled: true, measured: true, subjects: of('OK'), health: { error: null } };
  expect(rulesWords([well])).toBe('1 rule');
  expect(
    rulesWords([
      { ...well, subjects: of('FIRING') },
      { ...well, health: { error: 'the store did not answer' } },
      { ...well, measured: false, health: { error: 'nothing measures it yet' } },
      { ...well, enabled: false, subjects: of('FIRING') },
    ]),
  ).toBe('4 rules, 1 firing, 1 with an error, 1 without a source yet, 1 off');
});
