import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

export const HEARTBEATS = graphql(`
  query Heartbeats {
    heartbeats { id name enabled service schedule grace state since lastPingAt expectedBy lastDuration openAlerts { critical warning info } }
  }
`);

export const HEARTBEAT = graphql(`
  query Heartbeat($id: ID!, $range: TimeRange!) {
    heartbeat(id: $id) {
      id name enabled service period cron timeZone schedule grace longestRun state since lastPingAt expectedBy lastDuration pingUrl
      labels { key value }
      runs(first: 30) { pageInfo { hasNextPage } nodes { id key state startedAt endedAt duration exitCode } }
      next(first: 5)
      uptime(range: $range)
      openAlerts { critical warning info }
    }
  }
`);

/** Only people who may operate see it. */
export const OUTPUTS = graphql(`
  query HeartbeatOutputs($id: ID!) { heartbeat(id: $id) { id runs(first: 30) { nodes { id output } } } }
`);

export const PREVIEW_CRON = graphql(`
  query CronInWords($cron: String!, $zone: String!) { previewCron(cron: $cron, timeZone: $zone) { sentence next problem } }
`);

export const SAVE_HEARTBEAT = graphql(`
  mutation SaveOneHeartbeat($input: SaveHeartbeatInput!) { saveHeartbeat(input: $input) { heartbeat { id name } warnings { field message } } }
`);

export const ENABLE_HEARTBEAT = graphql(`
  mutation EnableHeartbeat($id: ID!, $enabled: Boolean!) { setHeartbeatEnabled(input: { id: $id, enabled: $enabled }) { heartbeat { id } } }
`);

export const RENEW_TOKEN = graphql(`
  mutation RenewToken($id: ID!) { renewHeartbeatToken(input: { id: $id }) { heartbeat { id } } }
`);

export const DELETE_HEARTBEAT = graphql(`
  mutation RemoveHeartbeat($id: ID!) { deleteHeartbeat(input: { id: $id }) { id } }
`);

export type Heartbeat = ResultOf<typeof HEARTBEAT>['heartbeat'];
export type HeartbeatInput = VariablesOf<typeof SAVE_HEARTBEAT>['input'];

export const CURL = (url: string) => `curl -fsS -m 10 --retry 3 -o /dev/null ${url}
`;

/** Tells the beginning, and the end with its exit code: a failure is known at once, and so is how long it took. */
export const SHELL = (url: string) => `curl -fsS -m 10 --retry 3 -o /dev/null ${url}/start
/usr/local/bin/my-job
curl -fsS -m 10 --retry 3 -o /dev/null ${url}/$?
`;

export const CRON = (
  url: string,
  cron: string,
) => `${cron} /usr/local/bin/my-job; curl -fsS -m 10 --retry 3 -o /dev/null ${url}/$?
`;

export const SYSTEMD = (url: string) => `[Service]
Type=oneshot
ExecStartPre=-/usr/bin/curl -fsS -m 10 --retry 3 -o /dev/null ${url}/start
ExecStart=/usr/local/bin/my-job
ExecStopPost=-/bin/sh -c '/usr/bin/curl -fsS -m 10 --retry 3 -o /dev/null ${url}/$$([ "$$SERVICE_RESULT" = success ] && echo 0 || echo fail)'
`;
