import { untrack } from 'svelte';
import { execute } from './execute.ts';
import { asFailure, type Failure } from './failure.ts';
import type { Document } from './graphql.ts';
import { live } from './live.svelte.ts';

/**
 * One question a page keeps asking: again when its variables change, every `every` milliseconds while the page is
 * seen, and after the connection was cut. What was answered stays on screen until the next answer is there.
 * `variables` answers null while there is nothing to ask. Call it while a component is being set up.
 */
export class Query<Result, Variables> {
  data = $state.raw<Result | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** true while what is shown belongs to other variables */
  stale = $state(true);
  busy = $state(false);
  answeredAt = $state<number | null>(null);
  #document: Document<Result, Variables>;
  #variables: () => Variables | null;
  #running: AbortController | null = null;
  #asked = '';

  constructor(document: Document<Result, Variables>, variables: () => Variables | null, every?: () => number | null) {
    this.#document = document;
    this.#variables = variables;
    $effect(() => {
      const asked = variables();
      void live.epoch;
      untrack(() => void this.#ask(asked));
      return () => this.#running?.abort();
    });
    if (every)
      $effect(() => {
        const pause = every();
        if (!pause) return;
        const timer = setInterval(() => seenNow() && this.again(), pause);
        const seen = () => seenNow() && Date.now() - (this.answeredAt ?? 0) > pause && this.again();
        addEventListener('visibilitychange', seen);
        return () => {
          clearInterval(timer);
          removeEventListener('visibilitychange', seen);
        };
      });
  }

  again(): Promise<void> {
    return this.#ask(untrack(this.#variables));
  }

  async #ask(variables: Variables | null): Promise<void> {
    this.#running?.abort();
    if (variables === null) return;
    const key = JSON.stringify(variables);
    if (key !== this.#asked) this.stale = true;
    this.#asked = key;
    const running = new AbortController();
    this.#running = running;
    this.busy = true;
    try {
      const data = await execute(this.#document, variables, running.signal);
      if (running.signal.aborted) return;
      this.data = data;
      this.failure = null;
      this.stale = false;
      this.answeredAt = Date.now();
    } catch (cause) {
      if (running.signal.aborted) return;
      this.failure = asFailure(cause);
    } finally {
      if (this.#running === running) this.busy = false;
    }
  }
}

function seenNow(): boolean {
  return document.visibilityState === 'visible';
}
