import { graphql, type ResultOf } from '../api/graphql.ts';

/** What a list shows of an alert. */
export const ALERT_LINE = graphql(`
  fragment AlertLine on Alert {
    id state severity summary subject ruleName value threshold unit peak episode
    service { name }
    attributes { key value }
    rule { id condition { signal metric } }
    openedAt acknowledgedAt acknowledgedBy { id name }
    suppressedUntil suppressedBy { name } suppressionReason
    resolvedAt resolvedBy { name }
    responseDueAt responseBreachedAt reopensAt
    parent { id summary }
    heldBy { kind until reason }
    escalation { level levels nextLevelAt }
  }
`);

/** Ask for the cursor first, then hear changes after it: nothing is missed in between. */
export const OPEN_ALERTS = graphql(
  `
  query OpenAlerts($first: Int!, $after: String, $since: DateTime!) {
    alertCursor
    alerts(filter: { states: [FIRING, ACKNOWLEDGED] }, first: $first, after: $after) {
      totalCount
      pageInfo { endCursor hasNextPage }
      nodes { ...AlertLine }
    }
    resolved: alerts(filter: { states: [RESOLVED], openedFrom: $since }, first: 1) { totalCount }
  }
`,
  [ALERT_LINE],
);

export const ALERT_CHANGES = graphql(
  `
  subscription AlertChanges($after: String) {
    alertChanges(after: $after) { cursor at kind actor message alert { ...AlertLine } }
  }
`,
  [ALERT_LINE],
);

export const ALERT = graphql(
  `
  query Alert($id: ID!) {
    alert(id: $id) {
      ...AlertLine
      pendingSince
      rule { id condition { signal metric } }
      children { id state severity summary openedAt }
      timeline { number at kind actor message }
      evidence {
        observedAt value reason threshold recovery comparison window ruleVersion sentence
        series { name unit at values }
      }
      runbook { url text steps { id text doneAt doneBy } }
      deployments { id at version url service }
      probe { id name state }
      heartbeat { id name state }
      notifications {
        id event level episode state reason dueAt createdAt
        channel { id name kind }
        person { name }
        attempts { number at endedAt outcome detail }
      }
      escalation { policy level levels nextLevelAt steps { level name at reached told reason } }
    }
  }
`,
  [ALERT_LINE],
);

/** How the service did around an alert. */
export const AROUND = graphql(`
  query AroundAlert($service: String!, $range: TimeRange!) {
    service(name: $service) {
      performance(range: $range) {
        timeline(maxPoints: 240) {
          resolution at throughput errorRate latencyAvg latencyP95 latencyP99 availability cpuUtilization memoryUtilization
        }
      }
    }
  }
`);

export const POST_MORTEM = graphql(`
  query PostMortem($id: ID!) { alert(id: $id) { id postMortem } }
`);

export const ACKNOWLEDGE = graphql(
  `mutation AcknowledgeAlert($id: ID!, $note: String) { acknowledgeAlert(input: { id: $id, note: $note }) { alert { ...AlertLine } } }`,
  [ALERT_LINE],
);

export const UNACKNOWLEDGE = graphql(
  `mutation UnacknowledgeAlert($id: ID!, $note: String) { unacknowledgeAlert(input: { id: $id, note: $note }) { alert { ...AlertLine } } }`,
  [ALERT_LINE],
);

export const RESOLVE = graphql(
  `mutation ResolveAlert($id: ID!, $note: String) { resolveAlert(input: { id: $id, note: $note }) { alert { ...AlertLine } } }`,
  [ALERT_LINE],
);

export const SUPPRESS = graphql(
  `mutation SuppressAlert($id: ID!, $duration: Duration!, $reason: String!) {
    suppressAlert(input: { id: $id, duration: $duration, reason: $reason }) { alert { ...AlertLine } }
  }`,
  [ALERT_LINE],
);

export const UNSUPPRESS = graphql(
  `mutation UnsuppressAlert($id: ID!) { unsuppressAlert(input: { id: $id }) { alert { ...AlertLine } } }`,
  [ALERT_LINE],
);

export const COMMENT = graphql(`
  mutation CommentOnAlert($id: ID!, $text: String!) { commentOnAlert(input: { id: $id, text: $text }) { alert { id } } }
`);

export const TICK = graphql(`
  mutation TickRunbookStep($id: ID!, $step: ID!, $done: Boolean!) {
    tickRunbookStep(input: { id: $id, step: $step, done: $done }) {
      alert { id runbook { steps { id text doneAt doneBy } } }
    }
  }
`);

export const ACKNOWLEDGE_MANY = graphql(
  `mutation AcknowledgeAlerts($ids: [ID!]!, $note: String) {
    acknowledgeAlerts(input: { ids: $ids, note: $note }) { alerts { ...AlertLine } refused { id reason } }
  }`,
  [ALERT_LINE],
);

export const RESOLVE_MANY = graphql(
  `mutation ResolveAlerts($ids: [ID!]!, $note: String) {
    resolveAlerts(input: { ids: $ids, note: $note }) { alerts { ...AlertLine } refused { id reason } }
  }`,
  [ALERT_LINE],
);

export const HISTORY = graphql(
  `
  query AlertHistory($filter: AlertFilter, $first: Int!, $after: String) {
    alerts(filter: $filter, first: $first, after: $after) {
      totalCount
      pageInfo { endCursor hasNextPage }
      nodes { ...AlertLine }
    }
  }
`,
  [ALERT_LINE],
);

export const RULE_NAMES = graphql(`
  query RuleNames { rules { id name } }
`);

export const REVIEW = graphql(`
  query AlertReview($range: TimeRange!) {
    alertReview(range: $range) {
      opened resolved escalatedShare acknowledgedShare breachedShare pages pagesAtNight
      timeToAcknowledge { median p90 }
      timeToResolve { median p90 }
      rules { rule { id } ruleName opened acknowledgedShare escalatedShare medianDuration openFor flapping }
      byDay { at critical warning info }
    }
  }
`);

export type AlertLine = ResultOf<typeof ALERT_LINE>;
export type AlertFull = ResultOf<typeof ALERT>['alert'];
export type AlertChange = ResultOf<typeof ALERT_CHANGES>['alertChanges'];
export type Review = ResultOf<typeof REVIEW>['alertReview'];
