import type { Failure } from '../api/failure.ts';
import { live } from '../api/live.svelte.ts';
import { Query } from '../api/query.svelte.ts';
import { byUrgency, calls, groupOf, isOpen, merged, newlyCritical, severityWord } from '../lib/alarms.ts';
import { settings } from '../lib/settings.svelte.ts';
import { sound } from '../lib/tone.ts';
import { ALERT_CHANGES, type AlertChange, type AlertLine, OPEN_ALERTS } from './queries.ts';

/** As many as one answer may hold; in a storm these are the most urgent. */
const FIRST = 100;
/** Changes are drawn this often at most, however many come. */
const BEAT = 120;
/** A change older than this is part of every answer that comes now. */
const SETTLED = 15_000;
const DAY = 86_400_000;

interface Change {
  at: number;
  alert: AlertLine;
}

/**
 * The open alerts, kept by the shell for as long as somebody is signed in: asked once, then followed by every change
 * after the answer's cursor. What a person just did is shown at once (`hope`) and taken back if the server refuses.
 */
class Board {
  /** null until the first answer */
  alarms = $state.raw<AlertLine[] | null>(null);
  total = $state(0);
  resolvedToday = $state(0);
  failure = $state.raw<Failure | null>(null);
  /** ids of alerts of which an answer of the server is awaited */
  busy = $state.raw<ReadonlySet<string>>(new Set());
  /** what a screen reader is told at once */
  said = $state('');
  /** a critical alert that came while nobody looked at the page */
  unseen = $state.raw<AlertLine | null>(null);
  #query: Query<unknown, unknown> | null = null;
  #base: AlertLine[] = [];
  #changes = new Map<string, Change>();
  #hopes = new Map<string, Partial<AlertLine>>();
  #calling: Set<string> | null = null;
  #listeners = new Set<(change: AlertChange) => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #cursor: string | null = null;

  /** Call it while the shell is being set up. */
  start(): void {
    const since = () => new Date(Math.floor(Date.now() / 600_000) * 600_000 - DAY).toISOString();
    const query = new Query(
      OPEN_ALERTS,
      () => ({ first: FIRST, since: since() }),
      () => 30_000,
    );
    this.#query = query as unknown as Query<unknown, unknown>;
    let following: (() => void) | null = null;
    $effect(() => {
      this.failure = query.failure;
      if (!query.data) return;
      const settled = Date.now() - SETTLED;
      for (const [id, change] of this.#changes) if (change.at < settled) this.#changes.delete(id);
      this.#base = query.data.alerts.nodes;
      this.total = query.data.alerts.totalCount;
      this.resolvedToday = query.data.resolved.totalCount;
      this.#show();
      this.#cursor ??= query.data.alertCursor;
      following ??= live.subscribe(
        ALERT_CHANGES,
        () => ({ after: this.#cursor }),
        ({ alertChanges }) => this.#hear(alertChanges),
        () => {
          // A cursor that is none any more: begin again from the next answer.
          following?.();
          following = null;
          this.#cursor = null;
        },
      );
    });
    $effect(() => () => {
      following?.();
      if (this.#timer) clearTimeout(this.#timer);
      this.#timer = null;
      this.#changes.clear();
      this.#hopes.clear();
      this.#calling = null;
      this.#cursor = null;
      this.alarms = null;
      this.unseen = null;
      this.said = '';
    });
    const look = () => {
      if (document.visibilityState === 'visible' && document.hasFocus()) this.unseen = null;
    };
    $effect(() => {
      addEventListener('focus', look);
      addEventListener('visibilitychange', look);
      return () => {
        removeEventListener('focus', look);
        removeEventListener('visibilitychange', look);
      };
    });
  }

  again(): void {
    void this.#query?.again();
  }

  /** Hears every change, also of alerts that are no longer open: `$effect(() => board.listen(...))`. */
  listen(heard: (change: AlertChange) => void): () => void {
    this.#listeners.add(heard);
    return () => this.#listeners.delete(heard);
  }

  get waiting(): AlertLine[] {
    return (this.alarms ?? []).filter((alarm) => groupOf(alarm) === 'waiting');
  }

  /** Those that somebody should know of: all open ones but the held. */
  get active(): AlertLine[] {
    return (this.alarms ?? []).filter((alarm) => groupOf(alarm) !== 'held');
  }

  /** Shows what was asked for while `work` runs; what the server answers stays, a refusal takes it back. */
  async hope<T>(
    ids: readonly string[],
    change: Partial<AlertLine>,
    work: () => Promise<T>,
    kept: (answer: T) => readonly AlertLine[],
  ): Promise<T> {
    for (const id of ids) this.#hopes.set(id, change);
    // What a person does here themselves is no news to them.
    if (change.state === 'FIRING') for (const id of ids) this.#calling?.add(id);
    this.busy = new Set([...this.busy, ...ids]);
    this.#show();
    try {
      const answer = await work();
      for (const alert of kept(answer)) this.#changes.set(alert.id, { at: Date.now(), alert });
      return answer;
    } finally {
      for (const id of ids) this.#hopes.delete(id);
      this.busy = new Set([...this.busy].filter((id) => !ids.includes(id)));
      this.#show();
    }
  }

  /** An alert with what is hoped for it laid over. */
  hoped<T extends { id: string }>(alert: T): T {
    void this.alarms;
    const hope = this.#hopes.get(alert.id);
    return hope ? { ...alert, ...hope } : alert;
  }

  #hear(change: AlertChange): void {
    this.#cursor = change.cursor;
    const known = this.#changes.get(change.alert.id)?.alert ?? this.#base.find(({ id }) => id === change.alert.id);
    if (!known && isOpen(change.alert)) this.total += 1;
    if (known && isOpen(known) && !isOpen(change.alert)) {
      this.total = Math.max(0, this.total - 1);
      this.resolvedToday += 1;
    }
    this.#changes.set(change.alert.id, { at: Date.now(), alert: change.alert });
    for (const heard of this.#listeners) heard(change);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#show();
    }, BEAT);
  }

  #show(): void {
    const changed = new Map([...this.#changes].map(([id, { alert }]) => [id, alert]));
    const open = merged(this.#base, changed).map((alarm) => ({ ...alarm, ...this.#hopes.get(alarm.id) }));
    const sorted = byUrgency(open.filter(isOpen)).slice(0, 3 * FIRST);
    if (this.#calling) this.#announce(newlyCritical(this.#calling, sorted));
    this.#calling = new Set(sorted.filter(calls).map(({ id }) => id));
    this.alarms = sorted;
  }

  #announce(alarms: readonly AlertLine[]): void {
    const first = alarms[0];
    if (!first) return;
    const more = alarms.length > 1 ? ` And ${alarms.length - 1} more.` : '';
    this.said = `${severityWord(first.severity)} alert: ${first.summary}.${more}`;
    if (document.visibilityState !== 'visible' || !document.hasFocus()) this.unseen = first;
    if (settings.sound) soundOnce();
  }
}

/** Of several tabs one sounds. */
function soundOnce(): void {
  const locks = navigator.locks as LockManager | undefined;
  if (!locks) {
    sound();
    return;
  }
  void locks.request('century.sound', { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    sound();
    await new Promise((done) => setTimeout(done, 1500));
  });
}

export const board = new Board();
