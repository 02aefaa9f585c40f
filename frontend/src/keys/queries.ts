import { graphql, type ResultOf } from '../api/graphql.ts';

export const KEYS = graphql(`
  query ApiKeys {
    apiKeys { id name prefix role scopes createdBy { id name } createdAt expiresAt lastUsedAt revokedAt }
  }
`);

export const CREATE_KEY = graphql(`
  mutation CreateKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) { apiKey { id name prefix scopes expiresAt } secret }
  }
`);

export const REVOKE_KEY = graphql(`
  mutation RevokeKey($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id revokedAt } } }
`);

export type Key = ResultOf<typeof KEYS>['apiKeys'][number];
