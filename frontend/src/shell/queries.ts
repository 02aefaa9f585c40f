import { graphql, type ResultOf } from '../api/graphql.ts';

export const SHELL = graphql(`
  query Shell {
    me { id name email role permissions }
    services { id name health lastSeenAt }
  }
`);

export type Me = ResultOf<typeof SHELL>['me'];
export type Known = ResultOf<typeof SHELL>['services'][number];
