/** What a rule may look at, in the words of the form. */
export type Signal =
  | 'LATENCY_AVG'
  | 'LATENCY_P95'
  | 'LATENCY_P99'
  | 'ERROR_RATE'
  | 'THROUGHPUT'
  | 'AVAILABILITY'
  | 'APDEX'
  | 'CPU'
  | 'MEMORY'
  | 'SILENCE'
  | 'METRIC'
  | 'BURN_RATE'
  | 'PROBE_STATE'
  | 'PROBE_LATENCY'
  | 'FACT'
  | 'TLS_DAYS_LEFT'
  | 'HEARTBEAT'
  | 'BUSINESS'
  | 'EXTERNAL';

export interface SignalWords {
  signal: Signal;
  name: string;
  group: 'Requests' | 'Resources' | 'Telemetry' | 'Checks' | 'Other';
  unit: string;
  comparison: 'ABOVE' | 'BELOW';
  threshold: number;
  /** it is about requests, so some routes can be chosen */
  routed?: boolean;
  /** what its samples are called */
  samples?: string;
  /** it grows by itself: no window, no samples */
  grows?: boolean;
  /** it wants a name: of a metric, a fact, an event */
  named?: string;
  /** what is looked at from outside, each apart: its newest value is judged, and some of them can be chosen */
  each?: 'probe' | 'heartbeat' | 'alert';
}

export const SIGNALS: readonly SignalWords[] = [
  {
    signal: 'ERROR_RATE',
    name: 'error rate',
    group: 'Requests',
    unit: '1',
    comparison: 'ABOVE',
    threshold: 0.05,
    routed: true,
    samples: 'requests',
  },
  {
    signal: 'LATENCY_AVG',
    name: 'average response time',
    group: 'Requests',
    unit: 's',
    comparison: 'ABOVE',
    threshold: 2,
    routed: true,
    samples: 'requests',
  },
  {
    signal: 'LATENCY_P95',
    name: '95th percentile of the response time',
    group: 'Requests',
    unit: 's',
    comparison: 'ABOVE',
    threshold: 5,
    routed: true,
    samples: 'requests',
  },
  {
    signal: 'LATENCY_P99',
    name: '99th percentile of the response time',
    group: 'Requests',
    unit: 's',
    comparison: 'ABOVE',
    threshold: 10,
    routed: true,
    samples: 'requests',
  },
  {
    signal: 'THROUGHPUT',
    name: 'throughput',
    group: 'Requests',
    unit: '1/s',
    comparison: 'BELOW',
    threshold: 0.1,
    routed: true,
    samples: 'requests',
  },
  {
    signal: 'APDEX',
    name: 'Apdex',
    group: 'Requests',
    unit: '1',
    comparison: 'BELOW',
    threshold: 0.7,
    routed: true,
    samples: 'requests',
  },
  {
    signal: 'AVAILABILITY',
    name: 'availability',
    group: 'Requests',
    unit: '1',
    comparison: 'BELOW',
    threshold: 0.999,
    samples: 'minutes',
  },
  {
    signal: 'CPU',
    name: 'CPU usage',
    group: 'Resources',
    unit: '1',
    comparison: 'ABOVE',
    threshold: 0.7,
    samples: 'measurements',
  },
  {
    signal: 'MEMORY',
    name: 'memory usage',
    group: 'Resources',
    unit: '1',
    comparison: 'ABOVE',
    threshold: 0.8,
    samples: 'measurements',
  },
  {
    signal: 'METRIC',
    name: 'a stored metric',
    group: 'Telemetry',
    unit: '',
    comparison: 'ABOVE',
    threshold: 1,
    samples: 'measurements',
    named: 'Metric',
  },
  {
    signal: 'SILENCE',
    name: 'time without telemetry',
    group: 'Telemetry',
    unit: 's',
    comparison: 'ABOVE',
    threshold: 120,
    grows: true,
  },
  {
    signal: 'PROBE_STATE',
    name: 'state of probes',
    group: 'Checks',
    unit: '1',
    comparison: 'BELOW',
    threshold: 1,
    each: 'probe',
  },
  {
    signal: 'PROBE_LATENCY',
    name: 'response time of probes',
    group: 'Checks',
    unit: 's',
    comparison: 'ABOVE',
    threshold: 2,
    each: 'probe',
  },
  {
    signal: 'FACT',
    name: 'fact that probes read',
    group: 'Checks',
    unit: '',
    comparison: 'ABOVE',
    threshold: 1,
    samples: 'checks',
    named: 'Fact',
    each: 'probe',
  },
  {
    signal: 'TLS_DAYS_LEFT',
    name: 'time left of certificates',
    group: 'Checks',
    unit: 'd',
    comparison: 'BELOW',
    threshold: 21,
    each: 'probe',
  },
  {
    signal: 'HEARTBEAT',
    name: 'delay of heartbeats',
    group: 'Checks',
    unit: 's',
    comparison: 'ABOVE',
    threshold: 0,
    grows: true,
    each: 'heartbeat',
  },
  {
    signal: 'BUSINESS',
    name: 'a business figure',
    group: 'Other',
    unit: '',
    comparison: 'BELOW',
    threshold: 1,
    samples: 'events',
    named: 'Figure',
  },
  {
    signal: 'EXTERNAL',
    name: 'an alert that a Prometheus decides',
    group: 'Other',
    unit: '1',
    comparison: 'ABOVE',
    threshold: 0,
    named: 'Alert',
    each: 'alert',
  },
  {
    signal: 'BURN_RATE',
    name: 'burn rate of the error budget',
    group: 'Other',
    unit: 'x',
    comparison: 'ABOVE',
    threshold: 14.4,
    samples: 'requests',
  },
];

export function wordsOf(signal: string): SignalWords {
  return SIGNALS.find((one) => one.signal === signal) ?? (SIGNALS[0] as SignalWords);
}

export const AGGREGATIONS = [
  { aggregation: 'AVG', name: 'average' },
  { aggregation: 'SUM', name: 'sum' },
  { aggregation: 'RATE', name: 'rate per second' },
  { aggregation: 'COUNT', name: 'number of measurements' },
  { aggregation: 'MIN', name: 'lowest value' },
  { aggregation: 'MAX', name: 'highest value' },
  { aggregation: 'LAST', name: 'latest value' },
  { aggregation: 'P50', name: 'median' },
  { aggregation: 'P90', name: '90th percentile' },
  { aggregation: 'P95', name: '95th percentile' },
  { aggregation: 'P99', name: '99th percentile' },
] as const;
export type Aggregation = (typeof AGGREGATIONS)[number]['aggregation'];
