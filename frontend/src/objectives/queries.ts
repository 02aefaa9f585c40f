import { graphql, type ResultOf } from '../api/graphql.ts';

export const OBJECTIVES = graphql(`
  query Objectives {
    objectives {
      id name service kind latency target window
      budget { allowed spent left leftDuration good bad actual burnRate }
      rules { id name severity enabled subjects { standing } }
    }
  }
`);

export const SAVE_OBJECTIVE = graphql(`
  mutation SaveOneObjective($input: SaveObjectiveInput!) { saveObjective(input: $input) { objective { id name } } }
`);

export const DELETE_OBJECTIVE = graphql(`
  mutation DeleteOneObjective($id: ID!) { deleteObjective(input: { id: $id }) { id } }
`);

export type Objective = ResultOf<typeof OBJECTIVES>['objectives'][number];
