import { graphql, type ResultOf } from '../api/graphql.ts';

export const AUDIT = graphql(`
  query AuditLog($first: Int!, $after: String, $filter: AuditFilter) {
    auditLog(first: $first, after: $after, filter: $filter) {
      nodes { number at actor { name kind } action subject ip outcome details { key value } }
      pageInfo { endCursor hasNextPage }
    }
  }
`);

export const VERIFICATION = graphql(`
  query AuditVerification { auditVerification { ok entries firstBrokenAt } }
`);

export type Entry = ResultOf<typeof AUDIT>['auditLog']['nodes'][number];
