import { expect, it } from 'vitest';
import { matchWords } from './matchers.ts';

it.each([
  [[], 'every alert'],
  [[{ field: 'SERVICE', key: null, operator: 'IS', value: 'checkout' }], 'alerts whose service is checkout'],
  [
    [
      { field: 'SERVICE', key: null, operator: 'MATCHES', value: 'shop-.*' },
      { field: 'SEVERITY', key: null, operator: 'IS_NOT', value: 'CRITICAL' },
    ],
    'alerts whose service matches shop-.* and severity is not critical',
  ],
  [[{ field: 'ATTRIBUTE', key: 'queue', operator: 'IS', value: 'mail' }], 'alerts whose queue is mail'],
] as const)('%#: %s', (matchers, words) => {
  expect(matchWords(matchers)).toBe(words);
});
