import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

const CHANNEL = graphql(`
  fragment ChannelParts on Channel {
    id name kind enabled severities
    person { id name }
    settings { name value secret }
    quietHours { from to timeZone days }
    stoppedAt stoppedReason circuitOpenUntil waiting createdAt updatedAt
    lastDelivery { at state detail }
  }
`);

export const CHANNELS = graphql(
  `
  query ChannelList {
    channels { ...ChannelParts }
    channelKinds { kind label help available unavailableReason fields { name label help required secret placeholder } }
  }
`,
  [CHANNEL],
);

export const MY_CHANNELS = graphql(
  `
  query MyChannels {
    myChannels { ...ChannelParts }
    channelKinds { kind label help available unavailableReason fields { name label help required secret placeholder } }
  }
`,
  [CHANNEL],
);

export const DELIVERIES = graphql(`
  query ChannelDeliveries($id: ID!, $after: String) {
    channel(id: $id) {
      id
      deliveries(first: 20, after: $after) {
        totalCount
        pageInfo { endCursor hasNextPage }
        nodes { id state level dueAt alerts { id summary severity } attempts { number at endedAt outcome detail } }
      }
    }
  }
`);

export const RECENT_ALERTS = graphql(`
  query AlertsToPreview { alerts(first: 20) { nodes { id summary } } }
`);

export const PREVIEW = graphql(`
  query PreviewMessage($alert: ID!, $channel: ID, $kind: ChannelKind) {
    previewMessage(alertId: $alert, channelId: $channel, kind: $kind) { subject text html slack }
  }
`);

export const SAVE_CHANNEL = graphql(`
  mutation SaveOneChannel($input: SaveChannelInput!) { saveChannel(input: $input) { channel { id name } warnings { field message } signingSecret } }
`);

export const SAVE_MINE = graphql(`
  mutation SaveMyWay($input: SaveChannelInput!) { saveMyChannel(input: $input) { channel { id name } warnings { field message } signingSecret } }
`);

export const TEST_CHANNEL = graphql(`
  mutation TryChannel($input: SaveChannelInput!) { testChannel(input: $input) { delivered detail } }
`);

export const TEST_MINE = graphql(`
  mutation TryMyWay($input: SaveChannelInput!) { testMyChannel(input: $input) { delivered detail } }
`);

export const RESUME_CHANNEL = graphql(`
  mutation ResumeOneChannel($id: ID!) { resumeChannel(input: { id: $id }) { channel { id } } }
`);

export const DELETE_CHANNEL = graphql(`
  mutation DeleteOneChannel($id: ID!) { deleteChannel(input: { id: $id }) { id } }
`);

export const DELETE_MINE = graphql(`
  mutation DeleteMyWay($id: ID!) { deleteMyChannel(input: { id: $id }) { id } }
`);

type Answer = ResultOf<typeof CHANNELS>;
export type Channel = Answer['channels'][number];
export type Kind = Answer['channelKinds'][number];
export type ChannelInput = VariablesOf<typeof SAVE_CHANNEL>['input'];
export type Delivery = ResultOf<typeof DELIVERIES>['channel']['deliveries']['nodes'][number];
