import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

const CONDITION = graphql(`
  fragment ConditionParts on Condition {
    signal metric aggregation filter { key in } groupBy comparison threshold recovery window holdFor
    minSamples whenNoData sentence unit
  }
`);

export const RULES = graphql(
  `
  query RuleList {
    rules {
      id name enabled measured severity service updatedAt
      condition { ...ConditionParts }
      objective { id name }
      health { evaluatedAt durationMs error }
      subjects { subject standing }
    }
  }
`,
  [CONDITION],
);

export const RULE = graphql(
  `
  query OneRule($id: ID!) {
    rule(id: $id) {
      id name enabled measured severity service routes criticalRoutes runbook runbookUrl reopenAfter version
      createdAt updatedAt
      updatedBy { name }
      condition { ...ConditionParts }
      objective { id name }
      dependsOn { id name }
      escalationPolicy { id name }
      health { evaluatedAt durationMs error }
      subjects { subject service standing since value observedAt }
      versions { version at by { name } changes { field before after } }
    }
  }
`,
  [CONDITION],
);

export const CHOICES = graphql(`
  query RuleChoices {
    rules { id name }
    escalationPolicies { id name isDefault }
  }
`);

export const METRICS = graphql(`
  query ServiceMetrics($service: String!) {
    service(name: $service) { metrics { name unit kind description attributes } }
  }
`);

/** What rules on probes and heartbeats can be about. */
export const WATCHED = graphql(`
  query WatchedFromOutside {
    probeKinds { kind label facts { name label unit } }
    probes { name kind service labels { key value } }
    heartbeats { name service labels { key value } }
  }
`);

export const ROUTES = graphql(`
  query ServiceRoutes($service: String!) {
    service(name: $service) { performance(range: { last: "P7D" }) { routes(first: 100, orderBy: REQUEST_COUNT) { nodes { method route } } } }
    criticalRoutes(service: $service)
  }
`);

export const CHECK = graphql(`
  query CheckRule($input: SaveRuleInput!) {
    checkRule(input: $input) { sentence unit warnings { field message } problems { field message } }
  }
`);

export const SAVE = graphql(`
  mutation SaveOneRule($input: SaveRuleInput!) {
    saveRule(input: $input) { rule { id name version } warnings { field message } }
  }
`);

export const RESTORE = graphql(`
  mutation RestoreRule($id: ID!, $version: Int!) {
    restoreRule(input: { id: $id, version: $version }) { rule { id version } }
  }
`);

export const ENABLE = graphql(`
  mutation EnableRule($id: ID!, $enabled: Boolean!) {
    setRuleEnabled(input: { id: $id, enabled: $enabled }) { rule { id enabled } }
  }
`);

export const DELETE = graphql(`
  mutation DeleteRule($id: ID!) { deleteRule(input: { id: $id }) { id } }
`);

export const CRITICAL_ROUTES = graphql(`
  mutation CallRoutesCritical($service: String!, $routes: [String!]!) {
    setCriticalRoutes(input: { service: $service, routes: $routes }) { routes }
  }
`);

export type Watched = ResultOf<typeof WATCHED>;
export type Listed = ResultOf<typeof RULES>['rules'][number];
export type Rule = ResultOf<typeof RULE>['rule'];
export type RuleInput = VariablesOf<typeof SAVE>['input'];
