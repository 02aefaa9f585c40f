import { untrack } from 'svelte';
import { asFailure, type Failure } from '../api/failure.ts';
import { toasts } from './toasts.svelte.ts';

/** What a form begins with: which thing it is of, its fields, and what tells this reading from a later one. */
export interface Source<Form, Version> {
  of: string;
  form: () => Form;
  version: Version;
}

interface Left {
  form: object;
  before: object;
  version: unknown;
}

/** Changes that somebody walked away from, until they come back to them or sign out. */
const left = new Map<string, Left>();

export function forgetDrafts(): void {
  left.clear();
}

let keys = 0;
/** Tells the parts of a form apart, also those of a draft that was left. */
export const nextKey = () => keys++;

/** Fields whose value is another than before. */
export function changedFields<Form extends object>(form: Form, before: Form): (keyof Form)[] {
  return (Object.keys(form) as (keyof Form)[]).filter(
    (key) => JSON.stringify(form[key]) !== JSON.stringify(before[key]),
  );
}

/**
 * One thing while it is edited. What others saved is taken over as long as nothing is changed here; what is changed
 * here stays, also when its page is left within the console, and the browser asks before the page itself goes.
 * `source` answers null until the thing was read. Call it while a component is being set up.
 */
export class Draft<Form extends object, Version> {
  /** as it is typed */
  form = $state<Form | null>(null);
  /** as it was read */
  before = $state.raw<Form | null>(null);
  of = $state.raw<string | null>(null);
  version = $state.raw<Version | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  readonly changes: (keyof Form)[] = $derived(this.form && this.before ? changedFields(this.form, this.before) : []);
  readonly dirty: boolean = $derived(this.changes.length > 0);
  #kind: string;

  constructor(kind: string, source: () => Source<Form, Version> | null) {
    this.#kind = kind;
    $effect(() => {
      const read = source();
      untrack(() => {
        if (!read) return;
        if (read.of !== this.of) this.#turn(read);
        else if (read.version !== this.version && !this.dirty) this.begin(read);
      });
    });
    $effect(() => {
      if (!this.dirty) return;
      const ask = (event: BeforeUnloadEvent) => event.preventDefault();
      addEventListener('beforeunload', ask);
      return () => removeEventListener('beforeunload', ask);
    });
    $effect(() => () => this.#leave());
  }

  /** From here on, dropping what was changed. */
  begin({ of, form, version }: Source<Form, Version>): void {
    this.before = form();
    this.form = structuredClone(this.before);
    this.of = of;
    this.version = version;
    this.failure = null;
  }

  /** These fields upon what somebody else saved in between. */
  rebase(theirs: Source<Form, Version>, form: Form): void {
    this.begin(theirs);
    this.form = form;
  }

  /** Away with it: nothing is left to come back to. */
  drop(): void {
    this.form = null;
  }

  /** What is typed is what is stored now. */
  stored(version: Version): void {
    this.before = $state.snapshot(this.form) as Form | null;
    this.version = version;
  }

  /** What is typed and where it began, to come back to by `restore`. */
  kept(): Left | null {
    if (!this.form || !this.before) return null;
    return { form: $state.snapshot(this.form) as Form, before: this.before, version: this.version };
  }

  restore(kept: Left): void {
    this.form = kept.form as Form;
    this.before = kept.before as Form;
    this.version = kept.version as Version;
    this.failure = null;
  }

  /** Sends it and says what was refused, unless `otherwise` deals with that; null when it was not saved. */
  async save<Saved>(
    send: () => Promise<Saved>,
    otherwise?: (failure: Failure) => Promise<boolean>,
  ): Promise<Saved | null> {
    this.busy = true;
    this.failure = null;
    try {
      return await send();
    } catch (cause) {
      const failure = asFailure(cause);
      this.failure = failure;
      if (!(await otherwise?.(failure))) {
        const fields = Object.keys(failure.fields).length > 0;
        toasts.say('Not saved.', fields ? 'What is wrong stands at its field.' : failure.message, { tone: 'critical' });
      }
      return null;
    } finally {
      this.busy = false;
    }
  }

  #turn(read: Source<Form, Version>): void {
    this.#leave();
    this.begin(read);
    const key = `${this.#kind}/${read.of}`;
    const waiting = left.get(key);
    left.delete(key);
    if (waiting) this.restore(waiting);
  }

  #leave(): void {
    const kept = this.kept();
    if (kept && changedFields(kept.form, kept.before).length > 0) left.set(`${this.#kind}/${this.of}`, kept);
  }
}
