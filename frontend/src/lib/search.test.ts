import { expect, it } from 'vitest';
import { matches } from './search.ts';

const all = [
  { group: 'Pages', label: 'Performance' },
  { group: 'Pages', label: 'People' },
  { group: 'Services', label: 'payments-api' },
];
const labels = (sought: string) => matches(all, sought, (one) => one.label).map(({ label }) => label);

it('finds by beginning, by part and by letters in order', () => {
  expect(labels('peo')).toEqual(['People', 'Performance']);
  expect(labels('api')).toEqual(['payments-api']);
  expect(labels('pmt')).toEqual(['payments-api']);
  expect(labels('zzz')).toEqual([]);
  expect(labels('')).toHaveLength(3);
});
