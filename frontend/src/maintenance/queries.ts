import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

export const WINDOWS = graphql(`
  query Windows($past: Boolean!) {
    maintenanceWindows(past: $past) {
      id startsAt endsAt recurrence timeZone reason createdAt endedAt active affects
      matchers { field key operator value }
      createdBy { name }
      next { startsAt endsAt }
      occurrences(first: 5) { startsAt endsAt }
    }
  }
`);

export const CREATE_WINDOW = graphql(`
  mutation PlanWindow($input: MaintenanceWindowInput!) { createMaintenanceWindow(input: $input) { maintenanceWindow { id affects } } }
`);

export const UPDATE_WINDOW = graphql(`
  mutation ChangeWindow($input: MaintenanceWindowInput!) { updateMaintenanceWindow(input: $input) { maintenanceWindow { id affects } } }
`);

export const END_WINDOW = graphql(`
  mutation EndWindow($id: ID!) { endMaintenanceWindow(input: { id: $id }) { maintenanceWindow { id } } }
`);

export type Window = ResultOf<typeof WINDOWS>['maintenanceWindows'][number];
export type WindowInput = VariablesOf<typeof CREATE_WINDOW>['input'];
