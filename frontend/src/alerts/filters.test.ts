import { describe, expect, it } from 'vitest';
import { filterOf, wireOf } from './filters.ts';

const NOW = Date.parse('2026-11-24T14:30:20Z');

describe('filterOf', () => {
  it('reads the address and leaves out what it does not know', () => {
    expect(filterOf(new URLSearchParams('state=resolved&severity=loud&service=shop&q=+pool+'))).toEqual({
      state: 'RESOLVED',
      severity: null,
      service: 'shop',
      rule: '',
      text: 'pool',
    });
  });
});

describe('wireOf', () => {
  const filter = filterOf(new URLSearchParams('severity=critical'));
  it('begins a sliding range at a whole minute and leaves its end open', () => {
    const wire = wireOf(filter, { last: 'PT1H' }, NOW);
    expect(wire).toMatchObject({
      severities: ['CRITICAL'],
      states: null,
      openedFrom: '2026-11-24T13:30:00.000Z',
      openedTo: null,
    });
  });
  it('keeps both ends of chosen dates', () => {
    const wire = wireOf(filter, { from: '2026-11-01T00:00:00.000Z', to: '2026-11-02T00:00:00.000Z' }, NOW);
    expect(wire).toMatchObject({ openedFrom: '2026-11-01T00:00:00.000Z', openedTo: '2026-11-02T00:00:00.000Z' });
  });
});
