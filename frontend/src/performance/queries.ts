import { graphql, type ResultOf } from '../api/graphql.ts';

export const PERFORMANCE = graphql(`
  query ServicePerformance($service: String!, $range: TimeRange!, $maxPoints: Int!) {
    service(name: $service) {
      id name health firstSeenAt lastSeenAt refusedSeries
      deployments(range: $range) { id at version url }
      performance(range: $range) {
        from to requestCount errorCount throughput errorRate availability apdex cpuUtilization memoryUtilization
        latency { avg p50 p95 p99 max approximate }
        targets { name objective comparison unit actual met }
        timeline(maxPoints: $maxPoints) {
          resolution at throughput errorRate availability latencyAvg latencyP50 latencyP95 latencyP99
          cpuUtilization memoryUtilization
        }
        previous { requestCount throughput errorRate availability apdex cpuUtilization memoryUtilization latency { avg p95 } }
      }
    }
  }
`);

/** The timeline of the period before, drawn dashed under this one; asked only when it is compared. */
export const BEFORE = graphql(`
  query PeriodBefore($service: String!, $range: TimeRange!, $maxPoints: Int!) {
    service(name: $service) {
      performance(range: $range) {
        previous {
          from to
          timeline(maxPoints: $maxPoints) {
            resolution at throughput errorRate availability latencyAvg latencyP50 latencyP95 latencyP99
            cpuUtilization memoryUtilization
          }
        }
      }
    }
  }
`);

export const ROUTES = graphql(`
  query Routes($service: String!, $range: TimeRange!, $first: Int!, $orderBy: RouteOrder!) {
    service(name: $service) {
      performance(range: $range) {
        routes(first: $first, orderBy: $orderBy) {
          nodes { method route requestCount errorRate throughput latency { avg p50 p95 p99 } }
          totalCount
          pageInfo { hasNextPage }
        }
      }
    }
  }
`);

export const REQUESTS = graphql(`
  query Requests($service: String!, $range: TimeRange!, $filter: RequestFilter!, $first: Int!) {
    service(name: $service) {
      requests(range: $range, filter: $filter, first: $first) {
        nodes {
          id at service method route path status duration errorType message traceId spanId clientAddress userAgent
        }
        pageInfo { hasNextPage }
      }
    }
  }
`);

export const LIVE = graphql(`
  subscription ServiceLive($service: String!) {
    performanceLive(service: $service) {
      service at requestCount throughput errorRate latencyAvg latencyP50 latencyP95 latencyP99 cpuUtilization memoryUtilization
    }
  }
`);

export const RECORDED = graphql(`
  subscription RequestRecorded($service: String!) {
    requestRecorded(service: $service) {
      id at service method route path status duration errorType message traceId spanId clientAddress userAgent
    }
  }
`);

export const DEPLOYED = graphql(`
  subscription Deployed($service: String!) {
    deploymentRecorded(service: $service) { id at version url }
  }
`);

export type Performance = ResultOf<typeof PERFORMANCE>['service']['performance'];
export type RouteRow = ResultOf<typeof ROUTES>['service']['performance']['routes']['nodes'][number];
export type RequestRow = ResultOf<typeof REQUESTS>['service']['requests']['nodes'][number];
