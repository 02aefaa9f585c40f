import { graphql } from '../api/graphql.ts';

/** A runbook is asked for by the name of its rule, as messages and addresses say it. */
export const RUNBOOKS = graphql(`
  query RunbookPages {
    rules { id name enabled severity runbook runbookUrl condition { sentence } }
  }
`);

export const OPEN_OF_RULE = graphql(`
  query OpenAlertsOfRule($rule: ID!) {
    alerts(filter: { states: [FIRING, ACKNOWLEDGED], rule: $rule }, first: 20) {
      totalCount
      nodes { id state severity summary openedAt acknowledgedBy { name } }
    }
  }
`);
