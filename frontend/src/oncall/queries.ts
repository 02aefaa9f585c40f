import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

export const ON_CALL = graphql(`
  query WhoIsOnCall {
    onCall { schedule { id name timeZone } now { id name } until next { id name } }
    coverage { field message }
    people { id name }
  }
`);

export const SHIFTS = graphql(`
  query Shifts($id: ID!, $range: TimeRange!) {
    schedule(id: $id) {
      id name timeZone calendarUrl usedBy
      rotations { id name }
      shifts(range: $range) { person { id name } startsAt endsAt override rotation }
      gaps(range: $range) { startsAt endsAt }
      overrides { id kind person { id name } replaces { id name } startsAt endsAt createdBy { name } }
    }
  }
`);

export const SCHEDULE = graphql(`
  query OneSchedule($id: ID!) {
    schedule(id: $id) {
      id name timeZone usedBy
      rotations { id name kind length handOffAt handOffDay startsOn participants { id name } days from to }
      problems { field message }
    }
  }
`);

export const PREVIEW = graphql(`
  query PreviewSchedule($input: PreviewScheduleInput!, $range: TimeRange!) {
    previewSchedule(input: $input, range: $range) {
      shifts { person { id name } startsAt endsAt override rotation }
      gaps { startsAt endsAt }
    }
  }
`);

export const PEOPLE = graphql(`query WhoMayBeOnCall { people { id name } }`);

export const SAVE_SCHEDULE = graphql(`
  mutation SaveOneSchedule($input: SaveScheduleInput!) {
    saveSchedule(input: $input) { schedule { id name } warnings { field message } }
  }
`);

export const DELETE_SCHEDULE = graphql(`
  mutation DeleteOneSchedule($id: ID!) { deleteSchedule(input: { id: $id }) { id } }
`);

export const RENEW_ADDRESS = graphql(`
  mutation NewCalendarAddress($id: ID!) { renewCalendarAddress(input: { id: $id }) { schedule { id calendarUrl } } }
`);

export const CREATE_OVERRIDE = graphql(`
  mutation Stand($input: CreateOverrideInput!) { createOverride(input: $input) { override { id } } }
`);

export const DELETE_OVERRIDE = graphql(`
  mutation StandDown($id: ID!) { deleteOverride(input: { id: $id }) { id } }
`);

export type Duty = ResultOf<typeof ON_CALL>['onCall'][number];
export type Plan = ResultOf<typeof SHIFTS>['schedule'];
export type Override = Plan['overrides'][number];
export type Schedule = ResultOf<typeof SCHEDULE>['schedule'];
export type Somebody = ResultOf<typeof PEOPLE>['people'][number];
export type ScheduleInput = VariablesOf<typeof SAVE_SCHEDULE>['input'];
export type PreviewInput = VariablesOf<typeof PREVIEW>['input'];
