import { forgetDrafts } from '../lib/draft.svelte.ts';
import { Failure } from './failure.ts';

type Status = 'unknown' | 'out' | 'in';

interface Grant {
  access_token: string;
  expires_in: number;
  role: string;
}

/** Seconds before its end at which a token is renewed. */
const MARGIN = 60;

/**
 * Who is signed in. The access token lives in this module's memory and nowhere else; the refresh token is a cookie
 * that scripts cannot read.
 */
class Session {
  status = $state<Status>('unknown');
  /** counts renewed tokens, so that the socket can be opened again with the new one */
  generation = $state(0);
  #token: string | null = null;
  #ends = 0;
  #renewal: Promise<boolean> | null = null;
  #leaving: Promise<unknown> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Asks the server whether the refresh cookie still holds; called once when the page loads. */
  async resume(): Promise<boolean> {
    return this.renew();
  }

  async token(): Promise<string | null> {
    if (this.#token && Date.now() < this.#ends - 5000) return this.#token;
    return (await this.renew()) ? this.#token : null;
  }

  async signIn(username: string, password: string): Promise<void> {
    await this.#left();
    this.#accept(await post<Grant>('/auth/login', { username, password }));
  }

  async signInWithLink(token: string): Promise<void> {
    await this.#left();
    this.#accept(await post<Grant>('/auth/link', { token }));
  }

  /** Waits for a sign-out under way: its answer would take the next session's cookie with it. */
  async #left(): Promise<void> {
    await this.#leaving?.catch(() => undefined);
  }

  async signOut(): Promise<void> {
    const token = this.#token;
    // The pages go first: what they ask for while the session ends would be refused.
    this.#forget();
    this.#leaving = post('/auth/logout', {}, token);
    await this.#leaving.finally(forgetDrafts);
  }

  /**
   * Refresh tokens rotate, and one that is used twice ends the session: so one renewal at a time, across tabs too
   * where the browser has locks.
   */
  renew(): Promise<boolean> {
    this.#renewal ??= exclusively(() => this.#renewNow()).finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #renewNow(): Promise<boolean> {
    try {
      this.#accept(await post<Grant>('/auth/refresh', {}));
      return true;
    } catch (cause) {
      if (cause instanceof Failure && cause.code !== 'UNREACHABLE' && cause.code !== 'RATE_LIMITED') {
        this.#forget();
        return false;
      }
      this.#schedule(5);
      throw cause;
    }
  }

  #accept(grant: Grant): void {
    this.#token = grant.access_token;
    this.#ends = Date.now() + grant.expires_in * 1000;
    this.#schedule(Math.max(grant.expires_in - MARGIN, grant.expires_in / 2));
    this.status = 'in';
    this.generation += 1;
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#token = null;
    this.#ends = 0;
    this.status = 'out';
  }

  #schedule(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.renew().catch(() => undefined), seconds * 1000);
  }
}

function exclusively<T>(work: () => Promise<T>): Promise<T> {
  // `locks` exists on secure origins only; without it two tabs may race, and the server allows a moment of grace.
  const locks = navigator.locks as LockManager | undefined;
  return locks ? (locks.request('century.refresh', work) as Promise<T>) : work();
}

async function post<T = unknown>(address: string, body: unknown, token: string | null = null): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify(body),
      credentials: 'same-origin',
      signal: AbortSignal.timeout(15_000),
    });
  } catch {
    throw new Failure('UNREACHABLE', 'The server cannot be reached.');
  }
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return answer as T;
  if (response.status === 429)
    throw new Failure(
      'RATE_LIMITED',
      'Too many tries. Wait a moment, then try again.',
      {},
      Number(response.headers.get('retry-after')) || null,
    );
  if (response.status >= 500) throw new Failure('UNREACHABLE', 'The server is not ready yet.');
  throw new Failure(
    'UNAUTHENTICATED',
    String(answer.detail ?? answer.message ?? answer.error ?? 'The server refused.'),
  );
}

export const session = new Session();
