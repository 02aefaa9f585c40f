import { countdown, span, when } from './time.ts';

export type Severity = 'CRITICAL' | 'WARNING' | 'INFO';
export type AlertState = 'PENDING' | 'FIRING' | 'ACKNOWLEDGED' | 'RESOLVED';
export type HoldKind = 'SUPPRESSED' | 'MAINTENANCE' | 'DEPENDENCY' | 'FLAPPING';

/** What deciding how to show an alert needs of it. */
export interface Alarm {
  id: string;
  state: AlertState;
  severity: Severity;
  summary: string;
  openedAt: string;
  acknowledgedBy: { name: string } | null;
  resolvedAt: string | null;
  responseDueAt: string | null;
  heldBy: { kind: HoldKind; until: string | null; reason: string } | null;
}

const SEVERITIES: readonly Severity[] = ['CRITICAL', 'WARNING', 'INFO'];

export function severityTone(severity: Severity): 'critical' | 'warning' | 'info' {
  return severity.toLowerCase() as 'critical' | 'warning' | 'info';
}

export function severityWord(severity: Severity): string {
  return severity.charAt(0) + severity.slice(1).toLowerCase();
}

export function isOpen(alarm: Pick<Alarm, 'state'>): boolean {
  return alarm.state === 'FIRING' || alarm.state === 'ACKNOWLEDGED';
}

/** `Firing`, `Acknowledged by Maya`, `Resolved` */
export function stateWord(alarm: Pick<Alarm, 'state' | 'acknowledgedBy'>): string {
  if (alarm.state === 'ACKNOWLEDGED')
    return alarm.acknowledgedBy ? `${alarm.acknowledgedBy.name} has it` : 'Acknowledged';
  return alarm.state.charAt(0) + alarm.state.slice(1).toLowerCase();
}

export type Group = 'waiting' | 'taken' | 'held';

/** Whose turn it is: nobody has answered, somebody has, or it does not page for now. */
export function groupOf(alarm: Pick<Alarm, 'state' | 'heldBy'>): Group {
  if (alarm.state === 'ACKNOWLEDGED') return 'taken';
  return alarm.heldBy ? 'held' : 'waiting';
}

const GROUPS: readonly Group[] = ['waiting', 'taken', 'held'];

/** What to look at first: what waits for an answer, then by severity, then what has been open for longest. */
export function byUrgency<T extends Alarm>(alarms: readonly T[]): T[] {
  return [...alarms].sort(
    (a, b) =>
      GROUPS.indexOf(groupOf(a)) - GROUPS.indexOf(groupOf(b)) ||
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      (a.openedAt < b.openedAt ? -1 : a.openedAt > b.openedAt ? 1 : a.id < b.id ? -1 : 1),
  );
}

export interface Clock {
  state: 'running' | 'late';
  words: string;
  /** the part of the time that is used up, 0..1 */
  share: number;
  /** less than a fifth of the time is left, or none */
  urgent: boolean;
}

/** The response clock: how long there is to answer. Null where nobody is waited for. */
export function responseClock(
  alarm: Pick<Alarm, 'state' | 'heldBy' | 'openedAt' | 'responseDueAt'>,
  now: number,
): Clock | null {
  if (groupOf(alarm) !== 'waiting' || alarm.state !== 'FIRING' || !alarm.responseDueAt) return null;
  const [opened, due] = [Date.parse(alarm.openedAt), Date.parse(alarm.responseDueAt)];
  const left = (due - now) / 1000;
  if (left <= 0) return { state: 'late', words: `Answer overdue by ${span(-left)}`, share: 1, urgent: true };
  const share = due > opened ? Math.min(1, Math.max(0, (now - opened) / (due - opened))) : 1;
  const words = left > 7200 ? `Answer by ${when(due, now)}` : `Answer within ${countdown(left)}`;
  return { state: 'running', words, share, urgent: share > 0.8 };
}

const HOLDS: Record<HoldKind, string> = {
  SUPPRESSED: 'Suppressed',
  MAINTENANCE: 'Maintenance',
  DEPENDENCY: 'Follows another alert',
  FLAPPING: 'Flapping',
};

/** `Suppressed until 15:30` */
export function holdWords(hold: NonNullable<Alarm['heldBy']>, now: number): string {
  return hold.until ? `${HOLDS[hold.kind]} until ${when(hold.until, now)}` : HOLDS[hold.kind];
}

export interface Headline {
  tone: 'critical' | 'warning' | 'info';
  hollow: boolean;
  title: string;
  detail: string;
  id: string;
}

/** "Is anything wrong?" in a sentence or two: the alert to look at first and what else there is. Null when all is well. */
export function headlineOf(alarms: readonly Alarm[], now: number): Headline | null {
  const open = byUrgency(alarms.filter(isOpen));
  const worst = open[0];
  if (!worst || groupOf(worst) === 'held') return null;
  const lasting = span((now - Date.parse(worst.openedAt)) / 1000);
  const waiting = open.filter((alarm) => groupOf(alarm) === 'waiting').length;
  const taken = open.filter((alarm) => groupOf(alarm) === 'taken').length;
  const clock = responseClock(worst, now);
  const parts = [`${severityWord(worst.severity)} for ${lasting}.`];
  if (worst.state === 'ACKNOWLEDGED') parts.push(`${stateWord(worst)}.`);
  else
    parts.push(`Nobody has answered yet${clock?.state === 'late' ? `, ${clock.words.replace('Answer o', 'o')}` : ''}.`);
  if (waiting > 1) parts.push(`${waiting - 1} more ${waiting === 2 ? 'waits' : 'wait'} for an answer.`);
  else if (taken > (waiting ? 0 : 1)) {
    const others = waiting ? taken : taken - 1;
    parts.push(
      `${others} ${waiting ? (others === 1 ? 'other is' : 'others are') : others === 1 ? 'more is' : 'more are'} being worked on.`,
    );
  }
  return {
    tone: severityTone(worst.severity),
    hollow: worst.state === 'ACKNOWLEDGED',
    title: worst.summary,
    detail: parts.join(' '),
    id: worst.id,
  };
}

/** Critical alerts that wait for an answer now and did not before: those to call out. */
export function newlyCritical<T extends Alarm>(before: ReadonlySet<string>, alarms: readonly T[]): T[] {
  return alarms.filter((alarm) => calls(alarm) && !before.has(alarm.id));
}

/** Whether an alert asks for somebody at once. */
export function calls(alarm: Pick<Alarm, 'state' | 'severity' | 'heldBy'>): boolean {
  return alarm.severity === 'CRITICAL' && alarm.state === 'FIRING' && !alarm.heldBy;
}

/** Alerts with what came since laid over them, by id; those that are no longer open leave. */
export function merged<T extends Alarm>(alarms: readonly T[], changed: ReadonlyMap<string, T>): T[] {
  const known = new Set(alarms.map((alarm) => alarm.id));
  return [
    ...alarms.map((alarm) => changed.get(alarm.id) ?? alarm),
    ...[...changed.values()].filter((alarm) => !known.has(alarm.id)),
  ].filter(isOpen);
}

/** Whether an alert is about the probe or the heartbeat of this name. */
export function isAbout(
  alarm: { attributes: readonly { key: string; value: string }[] },
  what: 'probe' | 'heartbeat',
  name: string,
): boolean {
  return alarm.attributes.some(({ key, value }) => key === what && value === name);
}

/** A sentence in which a number stays on the line of its unit. */
export function firm(sentence: string): string {
  return sentence.replace(/(\d) (?=(?:%|\d{3}|µs|ms|s|min|h|d|days?|[KMGT]iB|B)(?![\w]))/g, '$1\u00a0');
}
