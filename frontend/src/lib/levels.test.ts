import { describe, expect, it } from 'vitest';
import { carried, turnOf } from './levels.ts';

const groups = [{ items: ['a', 'b'] }, { items: [] as string[] }, { items: ['c'] }];
const lists = (group: number, row: number, by: 1 | -1) =>
  carried(groups, group, row, by).map((one) => one.items.join(''));

describe('a row that is moved', () => {
  it('changes places within its group', () => {
    expect(lists(0, 0, 1)).toEqual(['ba', '', 'c']);
    expect(lists(0, 1, -1)).toEqual(['ba', '', 'c']);
  });
  it('goes over the edge into the group next to it', () => {
    expect(lists(0, 1, 1)).toEqual(['a', 'b', 'c']);
    expect(lists(2, 0, -1)).toEqual(['ab', 'c', '']);
  });
  it('stays where there is no such place', () => {
    expect(lists(0, 0, -1)).toEqual(['ab', '', 'c']);
    expect(lists(2, 0, 1)).toEqual(['ab', '', 'c']);
    expect(lists(1, 3, 1)).toEqual(['ab', '', 'c']);
  });
});

it('tells whether an announcement holds', () => {
  const now = Date.parse('2026-11-24T12:00:00Z');
  const [before, after] = ['2026-11-24T11:00:00Z', '2026-11-24T13:00:00Z'];
  expect(turnOf({ startsAt: before, endsAt: null }, now)).toBe('now');
  expect(turnOf({ startsAt: before, endsAt: after }, now)).toBe('now');
  expect(turnOf({ startsAt: after, endsAt: null }, now)).toBe('planned');
  expect(turnOf({ startsAt: before, endsAt: '2026-11-24T12:00:00Z' }, now)).toBe('over');
});
