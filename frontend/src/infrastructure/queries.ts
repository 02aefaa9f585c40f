import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

export const PROBES = graphql(`
  query Probes {
    probes {
      id name kind target enabled service state since reason interval
      openAlerts { critical warning info }
      beats(last: 30) { at up latency }
      lastCheck { at latency }
    }
    probeKinds { kind label help available unavailableReason }
    probeWorkers { host seenAt connected since reason checksPerSecond lateness }
  }
`);

export const PROBE = graphql(`
  query Probe($id: ID!, $range: TimeRange!) {
    probe(id: $id) {
      id name kind target enabled service version state since reason nextCheckAt createdAt
      interval timeout retryInterval failuresBeforeDown successesBeforeUp runsOn
      labels { key value }
      settings { name value secret }
      parent { id name state }
      children { id name state }
      lastCheck { at ok state latency message facts { name value unit part } }
      facts { name label unit }
      uptimes { hour day week month }
      uptime(range: $range)
      openAlerts { critical warning info }
      beats(last: 60) { at up latency }
      changes(range: $range, first: 50) { nodes { at state until reason } pageInfo { hasNextPage } }
    }
    probeKinds { kind label }
  }
`);

export const CHECKS = graphql(`
  query ProbeChecks($id: ID!, $after: String) {
    probe(id: $id) {
      id
      checks(first: 20, after: $after) {
        pageInfo { endCursor hasNextPage }
        nodes { at ok state latency message }
      }
    }
  }
`);

/** Only people who may operate see it. */
export const ANSWER = graphql(`
  query ProbeAnswer($id: ID!) {
    probe(id: $id) { id lastAnswer { at lines steps { name seconds detail } } }
  }
`);

export const FACT = graphql(`
  query ProbeFact($id: ID!, $name: String!, $range: TimeRange!, $aggregation: Aggregation!) {
    probe(id: $id) {
      id
      fact(name: $name, range: $range, aggregation: $aggregation, maxPoints: 240) {
        unit resolution series { attributes { key value } at values }
      }
    }
  }
`);

export const CHECKED = graphql(`
  subscription ProbeChecked($probe: ID, $changesOnly: Boolean!) {
    checkCompleted(probe: $probe, changesOnly: $changesOnly) { probe { id } at state }
  }
`);

export const CHECK_PROBE = graphql(`
  mutation CheckProbeNow($id: ID!) { checkProbe(input: { id: $id }) { probe { id } warnings { message } } }
`);

export const ENABLE_PROBE = graphql(`
  mutation EnableProbe($id: ID!, $enabled: Boolean!) {
    setProbeEnabled(input: { id: $id, enabled: $enabled }) { probe { id } warnings { message } }
  }
`);

export const DELETE_PROBE = graphql(`
  mutation RemoveProbe($id: ID!) { deleteProbe(input: { id: $id }) { id } }
`);

export type Row = ResultOf<typeof PROBES>['probes'][number];
export type Kind = ResultOf<typeof PROBES>['probeKinds'][number];
export type Worker = ResultOf<typeof PROBES>['probeWorkers'][number];
export type Probe = ResultOf<typeof PROBE>['probe'];
export type ProbeKind = Row['kind'];
export type Range = VariablesOf<typeof PROBE>['range'];
