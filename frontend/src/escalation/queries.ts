import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

export const POLICIES = graphql(`
  query Policies {
    escalationPolicies {
      id name isDefault usedBy updatedAt
      levels { number name delay onlySeverities targets { kind id name } }
      problems { field message }
    }
  }
`);

export const POLICY = graphql(`
  query OnePolicy($id: ID!) {
    escalationPolicy(id: $id) {
      id name isDefault usedBy updatedAt
      levels { number name delay onlySeverities targets { kind id name } }
      problems { field message }
    }
  }
`);

export const TARGETS = graphql(`
  query PolicyTargets {
    people { id name }
    schedules { id name }
    channels { id name person { id } }
  }
`);

export const SIMULATE = graphql(`
  query RehearseEscalation($policy: ID!, $severity: Severity!, $at: DateTime!) {
    simulateEscalation(policyId: $policy, severity: $severity, at: $at) {
      steps { at level name target person { id name } channels { id name kind at problem } problem }
    }
  }
`);

export const SAVE_POLICY = graphql(`
  mutation SaveOnePolicy($input: SaveEscalationPolicyInput!) {
    saveEscalationPolicy(input: $input) { policy { id name } warnings { field message } }
  }
`);

export const DELETE_POLICY = graphql(`
  mutation DeleteOnePolicy($id: ID!) { deleteEscalationPolicy(input: { id: $id }) { id } }
`);

export type Policy = ResultOf<typeof POLICIES>['escalationPolicies'][number];
export type Level = Policy['levels'][number];
export type Target = Level['targets'][number];
export type PolicyInput = VariablesOf<typeof SAVE_POLICY>['input'];
