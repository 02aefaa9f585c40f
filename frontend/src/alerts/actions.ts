import { execute } from '../api/execute.ts';
import { asFailure } from '../api/failure.ts';
import { plural } from '../lib/numbers.ts';
import { parseDuration, spell } from '../lib/range.ts';
import { toasts } from '../lib/toasts.svelte.ts';
import { world } from '../shell/world.svelte.ts';
import { board } from './board.svelte.ts';
import {
  ACKNOWLEDGE,
  ACKNOWLEDGE_MANY,
  type AlertLine,
  RESOLVE,
  RESOLVE_MANY,
  SUPPRESS,
  UNACKNOWLEDGE,
  UNSUPPRESS,
} from './queries.ts';

// What an operator does to alerts: shown at once, taken back with the server's reason if it refuses, undone where that
// is possible. Each answers whether it was done.

type Some = readonly Pick<AlertLine, 'id'>[];

function refused(cause: unknown): false {
  toasts.say('That did not work.', asFailure(cause).message, { tone: 'critical' });
  board.again();
  return false;
}

const me = () => (world.me ? { id: world.me.id, name: world.me.name } : null);

export async function acknowledge(alerts: Some, note: string | null = null): Promise<boolean> {
  const hope = { state: 'ACKNOWLEDGED' as const, acknowledgedAt: new Date().toISOString(), acknowledgedBy: me() };
  const [first] = alerts;
  if (!first) return false;
  try {
    if (alerts.length === 1) {
      await board.hope(
        [first.id],
        hope,
        () => execute(ACKNOWLEDGE, { id: first.id, note }),
        (answer) => [answer.acknowledgeAlert.alert],
      );
      toasts.say('Acknowledged.', 'It is yours; escalation stopped.', { undo: () => void reopen(alerts, null, true) });
      return true;
    }
    const ids = alerts.map(({ id }) => id);
    const { acknowledgeAlerts: done } = await board.hope(
      ids,
      hope,
      () => execute(ACKNOWLEDGE_MANY, { ids, note }),
      (answer) => answer.acknowledgeAlerts.alerts,
    );
    tell('acknowledged', done, () => void reopen(done.alerts, null, true));
    return true;
  } catch (cause) {
    return refused(cause);
  }
}

/** Gives acknowledged alerts back: they page again. */
export async function reopen(alerts: Some, note: string | null = null, quiet = false): Promise<boolean> {
  const hope = { state: 'FIRING' as const, acknowledgedAt: null, acknowledgedBy: null };
  try {
    for (const { id } of alerts)
      await board.hope(
        [id],
        hope,
        () => execute(UNACKNOWLEDGE, { id, note }),
        (answer) => [answer.unacknowledgeAlert.alert],
      );
    if (!quiet)
      toasts.say('Open again.', 'It pages until somebody acknowledges it.', { undo: () => void acknowledge(alerts) });
    return true;
  } catch (cause) {
    return refused(cause);
  }
}

export async function resolve(alerts: Some, note: string | null = null): Promise<boolean> {
  const hope = { state: 'RESOLVED' as const, resolvedAt: new Date().toISOString(), resolvedBy: me() };
  const [first] = alerts;
  if (!first) return false;
  try {
    if (alerts.length === 1) {
      await board.hope(
        [first.id],
        hope,
        () => execute(RESOLVE, { id: first.id, note }),
        (answer) => [answer.resolveAlert.alert],
      );
      toasts.say('Resolved.', 'If it is still wrong, a new alert opens.');
      return true;
    }
    const ids = alerts.map(({ id }) => id);
    const { resolveAlerts: done } = await board.hope(
      ids,
      hope,
      () => execute(RESOLVE_MANY, { ids, note }),
      (answer) => answer.resolveAlerts.alerts,
    );
    tell('resolved', done);
    return true;
  } catch (cause) {
    return refused(cause);
  }
}

export async function suppress(alert: Pick<AlertLine, 'id'>, duration: string, reason: string): Promise<boolean> {
  const length = parseDuration(duration) ?? 3600;
  const until = new Date(Date.now() + length * 1000).toISOString();
  const hope = {
    suppressedUntil: until,
    suppressionReason: reason,
    heldBy: { kind: 'SUPPRESSED' as const, until, reason },
  };
  try {
    await board.hope(
      [alert.id],
      hope,
      () => execute(SUPPRESS, { id: alert.id, duration, reason }),
      (answer) => [answer.suppressAlert.alert],
    );
    toasts.say(`Suppressed for ${spell(length)}.`, 'It is still watched.', { undo: () => void release(alert, true) });
    return true;
  } catch (cause) {
    return refused(cause);
  }
}

export async function release(alert: Pick<AlertLine, 'id'>, quiet = false): Promise<boolean> {
  const hope = { suppressedUntil: null, suppressionReason: null, heldBy: null };
  try {
    await board.hope(
      [alert.id],
      hope,
      () => execute(UNSUPPRESS, { id: alert.id }),
      (answer) => [answer.unsuppressAlert.alert],
    );
    if (!quiet) toasts.say('No longer suppressed.', 'It pages again while it is wrong.');
    return true;
  } catch (cause) {
    return refused(cause);
  }
}

interface Done {
  alerts: readonly AlertLine[];
  refused: readonly { reason: string }[];
}

function tell(what: string, { alerts, refused }: Done, undo: (() => void) | null = null): void {
  const reasons = [...new Set(refused.map(({ reason }) => reason))].join(' ');
  const rest = refused.length ? `${plural(refused.length, 'alert was', 'alerts were')} not: ${reasons}` : '';
  toasts.say(`${plural(alerts.length, 'alert')} ${what}.`, rest, {
    tone: alerts.length ? 'ok' : 'critical',
    undo: alerts.length ? undo : null,
  });
}
