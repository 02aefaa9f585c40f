import { describe, expect, it } from 'vitest';
import type { HeartbeatState, ProbeState } from './checks.ts';
import { ofCertificates, ofHeartbeats, ofProbes } from './outside.ts';

const NOW = Date.parse('2026-11-24T14:30:00Z');
const at = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();
const probe = (name: string, state: ProbeState, minutes: number) => ({ id: name, name, state, since: at(-minutes) });
const beat = (name: string, state: HeartbeatState, expected: number | null) => ({
  id: name,
  name,
  state,
  since: at(-5),
  expectedBy: expected === null ? null : at(expected),
});

describe('probes', () => {
  it.each([
    ['nothing where none is asked', [probe('a', 'PAUSED', 1)], null],
    [
      'since when all are up',
      [probe('a', 'UP', 90), probe('b', 'UP', 30)],
      ['ok', '2 probes up', 'all of them for 30 min', '/monitoring/infrastructure'],
    ],
    [
      'one by its name and its page',
      [probe('a', 'DOWN', 4), probe('b', 'UP', 9)],
      ['critical', '1 down, 1 up', 'a for 4 min', '/monitoring/infrastructure/a'],
    ],
    [
      'several by their number, and leads to those that are wrong',
      [probe('b', 'DOUBTFUL', 1), probe('a', 'DOWN', 4), probe('c', 'UP', 9)],
      ['critical', '1 down, 1 in doubt, 1 up', 'a for 4 min, and 1 more', '/monitoring/infrastructure?state=wrong'],
    ],
    [
      'that nothing is known is no alarm',
      [probe('a', 'UNKNOWN', 1)],
      ['none', '1 not known, 0 up', 'a for 1 min', '/monitoring/infrastructure/a'],
    ],
  ] as const)('say %s', (_, list, said) => {
    const found = ofProbes(list, NOW);
    expect(found && [found.tone, found.title, found.detail, found.href]).toEqual(said);
  });
});

describe('certificates', () => {
  it.each([
    ['nothing where none is seen', [], null],
    ['when the first ends', [62.9, 80], ['ok', '2 certificates valid', 'the first ends in 62 days']],
    ['which ends soon', [90, 5.2], ['warning', '1 certificate ends soon', 'c1 in 5 days']],
    ['how many end soon', [20.9, 5, 40], ['warning', '2 certificates end soon', 'c1 in 5 days, and 1 more']],
    ['that one has expired', [-1, 40], ['critical', 'A certificate has expired', 'c0']],
    ['that three weeks are enough', [21], ['ok', '1 certificate valid', 'it ends in 21 days']],
  ] as const)('say %s', (_, days, said) => {
    const found = ofCertificates(days.map((daysLeft, place) => ({ id: `${place}`, name: `c${place}`, daysLeft })));
    expect(found && [found.tone, found.title, found.detail]).toEqual(said);
  });
});

describe('heartbeats', () => {
  it.each([
    ['nothing where none is waited for', [beat('a', 'PAUSED', 1)], null],
    [
      'when the next is expected',
      [beat('a', 'UP', 60), beat('b', 'RUNNING', 5)],
      ['ok', '2 heartbeats on time', 'the next is expected in 5 min'],
    ],
    ['that none was heard yet', [beat('a', 'NEW', null)], ['ok', '1 heartbeat on time', 'none is expected yet']],
    ['which is late', [beat('a', 'UP', 60), beat('b', 'LATE', -5)], ['critical', '1 late, 1 well', 'b for 5 min']],
  ] as const)('say %s', (_, list, said) => {
    const found = ofHeartbeats(list, NOW);
    expect(found && [found.tone, found.title, found.detail]).toEqual(said);
  });
});
