import { describe, expect, it } from 'vitest';
import { asFields, complaintOf, complaintsUnder, ended, homeless, sentence } from './complaints.ts';

describe('complaintOf', () => {
  const fields = {
    'condition.hold_for': 'too long',
    name: 'there is one already',
    'levels[1].targets': 'reaches no one',
  };
  it.each([
    ['holdFor', 'Too long.', 'by its last part, however it is spelt'],
    ['name', 'There is one already.', 'by its name'],
    ['levels.1.targets', 'Reaches no one.', 'by its place in a list'],
    ['threshold', '', 'nothing'],
  ])('%s: %s', (name, message, _why) => {
    expect(complaintOf(fields, name)).toBe(message);
  });
});

it('keeps complaints that no field shows', () => {
  expect(homeless({ version: 'somebody saved it', name: 'taken' }, ['name'])).toEqual(['Somebody saved it.']);
});

it('puts what is said of one field together', () => {
  expect(
    asFields([
      { field: 'a', message: 'One.' },
      { field: 'a', message: 'Two.' },
    ]),
  ).toEqual({ a: 'One. Two.' });
  expect(sentence('what now?')).toBe('What now?');
  expect(ended('admin cannot be reached')).toBe('admin cannot be reached.');
});

it('gathers what is said of a part', () => {
  const fields = { 'levels.1.targets.0.id': 'is gone', 'levels[1].name': 'is empty', 'levels.10.name': 'too long' };
  expect(complaintsUnder(fields, 'levels.1')).toBe('Is gone. Is empty.');
  expect(homeless(fields, [], ['levels.1'])).toEqual(['Too long.']);
});
