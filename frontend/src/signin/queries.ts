import { graphql } from '../api/graphql.ts';

export const CHANGE_PASSWORD = graphql(`
  mutation ChangePassword($input: ChangePasswordInput!) { changePassword(input: $input) { ok } }
`);
