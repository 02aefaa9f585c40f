import { describe, expect, it } from 'vitest';
import { dateAfter, instantOf, isZone, wallOf, zoneBetween } from './zones.ts';

describe('a wall and its instant', () => {
  it.each([
    ['2026-11-24T22:00', 'Europe/Berlin', '2026-11-24T21:00:00.000Z', 'winter'],
    ['2026-07-01T22:00', 'Europe/Berlin', '2026-07-01T20:00:00.000Z', 'summer'],
    ['2026-11-24T22:00', 'America/Los_Angeles', '2026-11-25T06:00:00.000Z', 'the day after in UTC'],
    ['2026-11-24T22:00', 'Asia/Kathmandu', '2026-11-24T16:15:00.000Z', 'a quarter of an hour off'],
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z', 'of an hour that comes twice the first'],
    ['2026-11-24', 'UTC', '2026-11-24T00:00:00.000Z', 'a date begins at midnight'],
  ])('%s in %s: %s', (wall, zone, instant, _why) => {
    expect(new Date(instantOf(wall, zone)).toISOString()).toBe(instant);
    expect(wallOf(instant, zone).startsWith(wall)).toBe(true);
  });
  it('takes the next hour for one that is left out', () => {
    expect(wallOf(instantOf('2026-03-29T02:30', 'Europe/Berlin'), 'Europe/Berlin')).toBe('2026-03-29T03:30');
  });
});

it('counts days by the calendar', () => {
  expect(dateAfter('2026-11-28', 4)).toBe('2026-12-02');
  expect(dateAfter('2026-03-01', -1)).toBe('2026-02-28');
});

it('says from when to when', () => {
  expect(zoneBetween('2026-11-24T21:00:00Z', '2026-11-24T22:30:00Z', 'UTC')).toBe('Tue 24 Nov, 21:00 – 22:30');
  expect(zoneBetween('2026-11-24T21:00:00Z', '2026-11-25T01:00:00Z', 'UTC')).toBe(
    'Tue 24 Nov, 21:00 – Wed 25 Nov, 01:00',
  );
});

it('knows a zone from nonsense', () => {
  expect(isZone('Europe/Berlin')).toBe(true);
  expect(isZone('Mars/Olympus')).toBe(false);
});
