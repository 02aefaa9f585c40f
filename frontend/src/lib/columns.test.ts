import { describe, expect, it } from 'vitest';
import { aligned, continued, joined, prepend, united, upsert } from './columns.ts';

const point = (at: number, v: number | null) => ({ at, values: { v } });

describe('a live point', () => {
  it('replaces an earlier word on the same instant', () =>
    expect(upsert([point(10, 1), point(20, 2)], point(20, 3))).toEqual([point(10, 1), point(20, 3)]));
  it('that comes late finds its place', () =>
    expect(upsert([point(10, 1), point(30, 3)], point(20, 2)).map(({ at }) => at)).toEqual([10, 20, 30]));
});

describe('a timeline that goes on', () => {
  const stored = { at: [0, 60, 120], values: { v: [1, 2, 3] } };
  it('keeps its last bin and adds what comes after it', () =>
    expect(continued(stored, [point(130, 9), point(180, 4), point(190, null)], 60)).toEqual({
      at: [0, 60, 120, 180, 190],
      values: { v: [1, 2, 3, 4, null] },
    }));
  it('as fine as the points takes the newer word', () =>
    expect(continued({ at: [0, 10], values: { v: [1, 2] } }, [point(0, 7), point(10, 8), point(20, 9)], 10)).toEqual({
      at: [0, 10, 20],
      values: { v: [1, 8, 9] },
    }));
  it('is itself when nothing came', () => expect(continued(stored, [], 60)).toBe(stored));
});

describe('the period before', () => {
  it('lies under this one', () =>
    expect(aligned([100, 110, 120], { at: [0, 10], values: { v: [5, 6] } }, 'v', 100, 9)).toEqual([5, 6, null]));
});

describe('a list of records', () => {
  const record = (id: string, at: string) => ({ id, at });
  it('is newest first, one a key', () => {
    const list = prepend([record('b', '2'), record('a', '1')], record('c', '3'));
    expect(list.map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    expect(prepend(list, record('b', '2'))).toHaveLength(3);
  });
  it('united has each once', () =>
    expect(united([record('a', '1')], [record('a', '1'), record('b', '0')])).toHaveLength(2));
});

describe('joined', () => {
  it('puts two series on one axis, each silent where only the other speaks', () => {
    expect(
      joined([
        { at: [10, 30], values: [1, 3] },
        { at: [20, 30], values: [20, 30] },
      ]),
    ).toEqual({
      at: [10, 20, 30],
      values: [
        [1, null, 3],
        [null, 20, 30],
      ],
    });
  });
});
