import { type Client, createClient } from 'graphql-ws';
import { untrack } from 'svelte';
import { type Document, textOf } from './graphql.ts';
import { session } from './session.svelte.ts';

type State = 'connecting' | 'live' | 'reconnecting' | 'offline';

interface Wish {
  query: string;
  variables: () => Record<string, unknown>;
  next: (data: never) => void;
  refused: (message: string) => void;
  stop?: () => void;
}

/** A cut shorter than this is not worth a word. */
const QUIET = 1500;
/** After this long without a connection the figures are called old. */
const OFFLINE = 20_000;

/**
 * The one websocket. It keeps what pages want to hear, asks for it again after every reconnect, and says in `state`
 * how things stand; `epoch` counts connections, so that queries can be asked again for what was missed meanwhile.
 */
class Live {
  state = $state<State>('connecting');
  since = $state(Date.now());
  epoch = $state(0);
  heardAt = $state<number | null>(null);
  #client: Client | null = null;
  #wishes = new Set<Wish>();
  #timers: ReturnType<typeof setTimeout>[] = [];
  #attempt = 0;

  open(): void {
    if (this.#client) return;
    const client = createClient({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
      lazy: false,
      keepAlive: 10_000,
      connectionAckWaitTimeout: 8000,
      connectionParams: async () => ({ Authorization: `Bearer ${(await session.token()) ?? ''}` }),
      retryAttempts: Number.POSITIVE_INFINITY,
      shouldRetry: () => true,
      retryWait: (tries) => pause(tries),
      onNonLazyError: () => undefined,
      on: {
        connected: () => this.#connected(),
        message: () => {
          this.heardAt = Date.now();
        },
        closed: (event) => this.#closed(client, (event as CloseEvent | undefined)?.code),
      },
    });
    this.#client = client;
    for (const wish of this.#wishes) this.#ask(wish);
  }

  close(): void {
    this.#drop();
    this.state = 'connecting';
  }

  #drop(): void {
    const client = this.#client;
    this.#client = null;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    void client?.dispose();
  }

  /** Opens the socket anew: with a renewed token, or because a person pressed "Retry". */
  renew(): void {
    this.#drop();
    this.open();
  }

  /** `variables` may be a function: it is asked at every (re)connection, so that a cursor goes on where it stood. */
  subscribe<Result, Variables extends Record<string, unknown>>(
    document: Document<Result, Variables>,
    variables: Variables | (() => Variables),
    next: (data: Result) => void,
    refused: (message: string) => void = () => undefined,
  ): () => void {
    const asked = typeof variables === 'function' ? variables : () => variables;
    const wish: Wish = { query: textOf(document), variables: asked, next: next as Wish['next'], refused };
    this.#wishes.add(wish);
    if (this.#client) this.#ask(wish);
    return () => {
      this.#wishes.delete(wish);
      wish.stop?.();
    };
  }

  #ask(wish: Wish): void {
    wish.stop = this.#client?.subscribe(
      {
        query: wish.query,
        get variables() {
          return wish.variables();
        },
      },
      {
        next: (result) => {
          if (result.data) wish.next(result.data as never);
        },
        error: (cause) => {
          if (Array.isArray(cause)) wish.refused(cause[0]?.message ?? 'refused');
        },
        complete: () => undefined,
      },
    );
  }

  #connected(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.#attempt = 0;
    this.state = 'live';
    this.since = Date.now();
    this.heardAt = Date.now();
    untrack(() => {
      this.epoch += 1;
    });
  }

  #closed(client: Client, code: number | undefined): void {
    if (client !== this.#client) return;
    if (this.#timers.length === 0) {
      const cut = Date.now();
      const say = (state: State) => () => {
        this.state = state;
        this.since = cut;
      };
      this.#timers.push(setTimeout(say('reconnecting'), QUIET), setTimeout(say('offline'), OFFLINE));
    }
    // The library gives up for good on these: the token ended, or one side broke. Begin again from nothing.
    if (code !== undefined && code >= 4000 && code !== 4499) {
      this.#client = null;
      void client.dispose();
      const again = () => {
        if (this.#client || session.status === 'out') return;
        if (code === 4401 || code === 4403)
          session
            .renew()
            .then((held) => held && this.open())
            .catch(() => setTimeout(again, 5000));
        else this.open();
      };
      void pause(this.#attempt++).then(again);
    }
  }
}

/** 0.3 s, 0.6 s, 1.2 s … 10 s, a third of it by chance, so that a thousand consoles do not return at one moment. */
function pause(tries: number): Promise<void> {
  const wait = Math.min(10_000, 300 * 2 ** tries);
  return new Promise((done) => setTimeout(done, wait * (0.67 + Math.random() * 0.33)));
}

export const live = new Live();
