import { expect, it } from 'vitest';
import { initials } from './roles.ts';

it.each([
  ['ada', 'AD'],
  ['Ada Lovelace', 'AL'],
  ['ada.lovelace', 'AL'],
  ['Maria (demo)', 'MD'],
  ['Łukasz Żak', 'ŁŻ'],
])('%s is %s', (name, letters) => {
  expect(initials(name)).toBe(letters);
});
