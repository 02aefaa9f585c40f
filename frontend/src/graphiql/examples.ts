import type { Role } from '../lib/roles.ts';

export interface Example {
  title: string;
  role: Exclude<Role, 'SYSTEM'>;
  query: string;
  variables?: string;
}

/** What people of each role ask most; a role may run its own and those of the roles before it. */
export const EXAMPLES: readonly Example[] = [
  {
    title: 'Services and their health',
    role: 'VIEWER',
    query: `# Which services are there, and how are they?
query Services {
  services {
    name
    health
    lastSeenAt
    performance(range: { last: "PT1H" }) {
      throughput
      errorRate
      availability
      latency { p50 p95 p99 }
    }
  }
}
`,
  },
  {
    title: 'Live performance',
    role: 'VIEWER',
    query: `# A subscription: a point for every ten seconds, as it arrives. Leave the service out to hear all of them.
subscription Live($service: String) {
  performanceLive(service: $service) {
    service
    at
    throughput
    errorRate
    latencyP95
  }
}
`,
    variables: '{}',
  },
  {
    title: 'Targets, met and missed',
    role: 'VIEWER',
    query: `query Targets($range: TimeRange!) {
  services {
    name
    performance(range: $range) {
      targets { name objective actual met }
      previous { errorRate latency { p95 } }
    }
  }
}
`,
    variables: '{\n  "range": { "last": "P7D" }\n}',
  },
  {
    title: 'Any metric, by attribute',
    role: 'VIEWER',
    query: `query Metric($service: String!) {
  service(name: $service) {
    metrics { name unit kind attributes }
    metric(
      name: "http.server.request.duration"
      aggregation: P95
      groupBy: ["http.route"]
      range: { last: "PT6H" }
      maxPoints: 60
    ) {
      unit
      resolution
      series { attributes { key value } at values }
    }
  }
}
`,
    variables: '{\n  "service": "century"\n}',
  },
  {
    title: 'Failed requests',
    role: 'OPERATOR',
    query: `query FailedRequests($service: String!) {
  service(name: $service) {
    requests(range: { last: "PT24H" }, filter: FAILED, first: 20) {
      nodes { at method route status duration errorType message traceId }
      pageInfo { endCursor hasNextPage }
    }
  }
}
`,
    variables: '{\n  "service": "century"\n}',
  },
  {
    title: 'Requests as they happen',
    role: 'OPERATOR',
    query: `subscription Tail($service: String!) {
  requestRecorded(service: $service) {
    at
    method
    route
    status
    duration
    errorType
  }
}
`,
    variables: '{\n  "service": "century"\n}',
  },
  {
    title: 'People and keys',
    role: 'ADMIN',
    query: `query Access {
  users(first: 50) { nodes { name email role lastLoginAt disabledAt } }
  apiKeys { name prefix scopes expiresAt lastUsedAt revokedAt }
}
`,
  },
  {
    title: 'Audit log and its proof',
    role: 'ADMIN',
    query: `query Audit {
  auditLog(first: 50) {
    nodes { at actor { name kind } action subject ip outcome }
    pageInfo { endCursor hasNextPage }
  }
  auditVerification { ok entries firstBrokenAt }
}
`,
  },
  {
    title: 'A key for an application',
    role: 'ADMIN',
    query: `# The secret is answered once, here, and never again.
mutation CreateKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    apiKey { name prefix scopes expiresAt }
    secret
  }
}
`,
    variables: '{\n  "input": { "name": "checkout", "scopes": ["INGEST"] }\n}',
  },
];

const RANK: Record<Role, number> = { VIEWER: 0, SYSTEM: 0, OPERATOR: 1, ADMIN: 2 };

export function examplesFor(role: Role): readonly Example[] {
  return EXAMPLES.filter((example) => RANK[example.role] <= RANK[role]);
}
