import { graphql, type ResultOf } from '../api/graphql.ts';

export const OVERVIEW = graphql(`
  query Overview($range: TimeRange!, $maxPoints: Int!) {
    services {
      id name health firstSeenAt lastSeenAt refusedSeries
      openAlerts { critical warning info }
      performance(range: $range) {
        requestCount throughput errorRate availability cpuUtilization memoryUtilization
        latency { p95 }
        targets { name objective comparison unit actual met }
        timeline(maxPoints: 60) { resolution at requestCount errorRate latencyP95 }
      }
    }
    performance(range: $range) {
      from to requestCount throughput errorRate availability
      latency { avg p50 p95 p99 approximate }
      targets { name objective comparison unit actual met }
      timeline(maxPoints: $maxPoints) { resolution at throughput errorRate availability latencyP50 latencyP95 latencyP99 }
      previous { throughput errorRate availability latency { avg p95 } }
    }
  }
`);

export const EVERY_LIVE = graphql(`
  subscription EveryService {
    performanceLive(service: null) { service at requestCount throughput errorRate latencyP95 }
  }
`);

export const OUTSIDE = graphql(`
  query WhatServicesStandOn {
    probes { id name state since }
    certificates: probes(filter: { kinds: [HTTP, EXTERNAL_API, TLS] }) { id name state lastCheck { facts { name value } } }
    heartbeats { id name state since expectedBy }
  }
`);

/** Which of a few probes are the installation's own. */
export const OWN = graphql(`
  query OwnProbes { probes { id kind settings { name } } }
`);

export type Overview = ResultOf<typeof OVERVIEW>;
export type Row = Overview['services'][number];
