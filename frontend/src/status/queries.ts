import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

export const STATUS = graphql(`
  query Status {
    statusPage {
      published title text url level
      groups { name items { id kind source name level since uptime badgeUrl } }
      announcements { id title text level startsAt endsAt createdBy { name } }
    }
    probes { id name }
    heartbeats { id name }
    services { name }
  }
`);

export const SAVE_STATUS = graphql(`
  mutation SaveStatus($input: SaveStatusPageInput!) { saveStatusPage(input: $input) { statusPage { published } warnings { field message } } }
`);

export const ANNOUNCE = graphql(`
  mutation Announce($input: SaveAnnouncementInput!) { saveAnnouncement(input: $input) { announcement { id } } }
`);

export const TAKE_BACK = graphql(`
  mutation TakeBack($id: ID!) { deleteAnnouncement(input: { id: $id }) { id } }
`);

export type StatusPage = ResultOf<typeof STATUS>['statusPage'];
export type Shown = StatusPage['groups'][number]['items'][number];
export type Announcement = StatusPage['announcements'][number];
export type Level = Shown['level'];
export type Kind = Shown['kind'];
export type PageInput = VariablesOf<typeof SAVE_STATUS>['input'];
