import { graphql, type ResultOf } from '../api/graphql.ts';

export const USERS = graphql(`
  query People($after: String) {
    users(first: 100, after: $after) {
      nodes { id name email role createdAt lastLoginAt disabledAt invited }
      totalCount
      pageInfo { endCursor hasNextPage }
    }
  }
`);

export const CREATE_USER = graphql(`
  mutation CreateUser($input: CreateUserInput!) {
    createUser(input: $input) { user { id name } signInUrl }
  }
`);

export const UPDATE_USER = graphql(`
  mutation UpdateUser($input: UpdateUserInput!) { updateUser(input: $input) { user { id name role } } }
`);

export const DISABLE_USER = graphql(`
  mutation DisableUser($id: ID!) { disableUser(input: { id: $id }) { user { id disabledAt } } }
`);

export const ENABLE_USER = graphql(`
  mutation EnableUser($id: ID!) { enableUser(input: { id: $id }) { user { id disabledAt } } }
`);

export const INVITE_USER = graphql(`
  mutation InviteUser($id: ID!) { inviteUser(input: { id: $id }) { signInUrl expiresAt } }
`);

export type User = ResultOf<typeof USERS>['users']['nodes'][number];
