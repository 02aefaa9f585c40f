import { describe, expect, it } from 'vitest';
import type { Target } from './targets.ts';
import { type Judged, verdictOf } from './verdict.ts';

const target = (name: string, objective: number, actual: number, met: boolean): Target => ({
  name,
  objective,
  actual,
  met,
  comparison: name === 'availability' ? 'ABOVE' : 'BELOW',
  unit: '',
});
const well: Judged = { name: 'web', health: 'HEALTHY', errorRate: 0, targets: [] };

describe('is anything wrong?', () => {
  it('says nothing when all is well', () => expect(verdictOf([well])).toBeNull());
  it('names the worst first and counts the others', () => {
    const failing: Judged = {
      name: 'api',
      health: 'UNHEALTHY',
      errorRate: 0.068,
      targets: [target('error_rate', 0.01, 0.068, false)],
    };
    const silent: Judged = { name: 'batch', health: 'SILENT', errorRate: null, targets: [] };
    const verdict = verdictOf([well, silent, failing]);
    expect(verdict?.title).toBe('api is failing');
    expect(verdict?.detail).toBe('6.80% of requests failed (target under 1%). 1 more service needs a look.');
    expect(verdict?.tone).toBe('critical');
  });
  it('tells slow from failing', () => {
    const slow: Judged = {
      name: 'api',
      health: 'DEGRADED',
      errorRate: 0,
      targets: [target('latency_p95', 5, 6.2, false)],
    };
    expect(verdictOf([slow])).toMatchObject({
      title: 'api is slow',
      detail: '95th percentile is 6.20 s (target under 5 s).',
      tone: 'warning',
    });
  });
});
