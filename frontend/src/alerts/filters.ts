import type { AlertState, Severity } from '../lib/alarms.ts';
import { boundsOf, type Range } from '../lib/range.ts';

const STATES: readonly AlertState[] = ['FIRING', 'ACKNOWLEDGED', 'RESOLVED'];
const SEVERITIES: readonly Severity[] = ['CRITICAL', 'WARNING', 'INFO'];

export interface Filter {
  state: AlertState | null;
  severity: Severity | null;
  service: string;
  rule: string;
  text: string;
}

/** What the address asks of the history; words it does not know ask for nothing. */
export function filterOf(query: URLSearchParams): Filter {
  const one = <T extends string>(known: readonly T[], name: string) =>
    known.find((each) => each === query.get(name)?.toUpperCase()) ?? null;
  return {
    state: one(STATES, 'state'),
    severity: one(SEVERITIES, 'severity'),
    service: query.get('service') ?? '',
    rule: query.get('rule') ?? '',
    text: (query.get('q') ?? '').trim(),
  };
}

/** A filter as the server takes it. A sliding range begins at a whole minute, so that it is not another each second. */
export function wireOf(filter: Filter, range: Range, now: number) {
  const [from, to] = boundsOf(range, Math.floor(now / 60_000) * 60);
  return {
    states: filter.state ? [filter.state] : null,
    severities: filter.severity ? [filter.severity] : null,
    service: filter.service || null,
    rule: filter.rule || null,
    text: filter.text || null,
    openedFrom: new Date(from * 1000).toISOString(),
    openedTo: 'last' in range ? null : new Date(to * 1000).toISOString(),
  };
}
