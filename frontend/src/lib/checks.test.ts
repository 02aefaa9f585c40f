import { describe, expect, it } from 'vitest';
import { barsOf, byNeed, isFlag, isShare, type ProbeState, runsOf, tally, troubleOf } from './checks.ts';

const probe = (name: string, state: ProbeState) => ({ name, state });

describe('the list', () => {
  it('puts what is down first, and what is paused last', () =>
    expect(
      byNeed([
        probe('a', 'PAUSED'),
        probe('b', 'UP'),
        probe('c', 'DOUBTFUL'),
        probe('e', 'DOWN'),
        probe('d', 'DOWN'),
      ]).map(({ name }) => name),
    ).toEqual(['d', 'e', 'c', 'b', 'a']));
  it('counts every state, the worst first', () =>
    expect(tally([probe('a', 'UP'), probe('b', 'DOWN'), probe('c', 'UP')])).toBe('1 down, 2 up'));
});

describe('the sentence above it', () => {
  it.each([
    ['nothing while all is up', [probe('a', 'UP'), probe('b', 'BLOCKED')], null],
    ['one by its name', [probe('shop', 'DOWN'), probe('b', 'UP')], 'shop is down'],
    ['several by their number', [probe('a', 'DOWN'), probe('b', 'DOWN')], '2 probes are down'],
  ] as const)('says %s', (_, list, said) => expect(troubleOf(list, 'probe')).toBe(said));
  it('tells of a job that failed, and of several by what they need', () => {
    expect(troubleOf([{ name: 'nightly', state: 'FAILED' }], 'heartbeat')).toBe('nightly failed');
    expect(
      troubleOf(
        [
          { name: 'nightly', state: 'FAILED' },
          { name: 'hourly', state: 'LATE' },
        ],
        'heartbeat',
      ),
    ).toBe('2 heartbeats need somebody');
  });
});

describe('bars of checks', () => {
  it('tell an answer, a failure and a gap apart', () =>
    expect(
      barsOf({ at: [1, 2, 3], up: [1, 0, null], latency: [0.012, null, null] }).map(({ state, title }) => [
        state,
        title.replace(/^\S+ /, ''),
      ]),
    ).toEqual([
      ['ok', 'up, 12 ms'],
      ['down', 'failed'],
      ['none', 'nobody asked'],
    ]));
});

describe('checks one after the other', () => {
  const check = (at: string, message: string, ok = false) => ({
    at,
    ok,
    message,
    state: ok ? ('UP' as const) : ('DOWN' as const),
  });
  it('are one where they say the same, and apart where another came between', () =>
    expect(
      runsOf([check('4', 'refused'), check('3', 'refused'), check('2', '', true), check('1', 'refused')]).map(
        ({ newest, since, count }) => [newest.at, since, count],
      ),
    ).toEqual([
      ['4', '3', 2],
      ['2', '2', 1],
      ['1', '1', 1],
    ]));
});

describe('a fact', () => {
  it.each([
    ['host.cpu_share', '1', true],
    ['host.load_per_cpu', '1', false],
    ['backup.size', 'By', false],
  ])('%s in %s is a share: %s', (name, unit, share) => expect(isShare(name, unit)).toBe(share));
  it.each([
    ['database.up', true],
    ['redis.last_save_ok', true],
    ['redis.healthy', true],
    ['http.status', false],
    ['host.uptime', false],
  ])('%s says yes or no: %s', (name, flag) => expect(isFlag(name)).toBe(flag));
});
