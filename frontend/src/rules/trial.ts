import { graphql } from '../api/graphql.ts';

export const BACKTEST = graphql(`
  query TryRule($input: SaveRuleInput!, $range: TimeRange!) {
    backtestRule(input: $input, range: $range) {
      firings { subject pendingAt openedAt resolvedAt peak }
      pages pagesAtNight resolution evaluated
      subjects { subject at values }
    }
  }
`);
