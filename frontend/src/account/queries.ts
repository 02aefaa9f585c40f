import { graphql, type ResultOf } from '../api/graphql.ts';

export const SESSIONS = graphql(`
  query Sessions { sessions { id createdAt lastUsedAt address userAgent current } }
`);

export const REVOKE_SESSION = graphql(`
  mutation RevokeSession($id: ID!) { revokeSession(input: { id: $id }) { session { id } } }
`);

export type Held = ResultOf<typeof SESSIONS>['sessions'][number];
