import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { type FormEvent, useEffect, useMemo, useState } from 'react';
import { asFailure } from '../api/failure.ts';
import { session } from '../api/session.svelte.ts';
import { type Role, roleName } from '../lib/roles.ts';
import { EXAMPLES_PLUGIN, Granted } from './ExamplesPlugin.tsx';
import { examplesFor } from './examples.ts';
import { makeFetcher } from './fetcher.ts';

const NARROW = '(max-width: 720px)';
const PLUGINS = [HISTORY_PLUGIN, EXAMPLES_PLUGIN];

type Standing = { at: 'asking' } | { at: 'door' } | { at: 'in'; name: string; role: Role };

export function Explorer() {
  const [standing, setStanding] = useState<Standing>({ at: 'asking' });
  const fetcher = useMemo(() => makeFetcher(), []);

  async function enter(): Promise<void> {
    const answer = (await fetcher({ query: '{ me { name role } }' })) as {
      data?: { me: { name: string; role: Role } };
    };
    setStanding(answer.data ? { at: 'in', ...answer.data.me } : { at: 'door' });
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once, when the page opens
  useEffect(() => {
    session
      .resume()
      .then((held) => (held ? enter() : setStanding({ at: 'door' })))
      .catch(() => setStanding({ at: 'door' }));
  }, []);

  if (standing.at === 'asking')
    return (
      <p className="explorer-wait" role="status">
        Loading the explorer…
      </p>
    );
  if (standing.at === 'door') return <Door enter={enter} />;
  const { role } = standing;
  const tabs = examplesFor(role)
    .filter((example) => example.role === role || role === 'ADMIN' || example.role === 'VIEWER')
    .slice(0, 4)
    .map(({ query, variables }) => ({ query, variables: variables ?? null }));
  return (
    <Granted.Provider value={role}>
      <GraphiQL
        fetcher={fetcher as never}
        defaultTabs={tabs}
        isHeadersEditorEnabled={false}
        forcedTheme={document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light'}
        plugins={PLUGINS}
        visiblePlugin={matchMedia(NARROW).matches ? undefined : EXAMPLES_PLUGIN}
        inputValueDeprecation
        schemaDescription
      >
        <GraphiQL.Logo>
          <a className="explorer-back" href="/monitoring/dashboard">
            Century
          </a>
          <span className="explorer-who">
            {standing.name}, {roleName(role).toLowerCase()}
          </span>
        </GraphiQL.Logo>
      </GraphiQL>
    </Granted.Provider>
  );
}

function Door({ enter }: { enter: () => Promise<void> }) {
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setWrong('');
    try {
      await session.signIn(String(form.get('username')).trim(), String(form.get('password')));
      await enter();
    } catch (cause) {
      setWrong(asFailure(cause).message);
    }
    setBusy(false);
  }

  return (
    <main className="explorer-door">
      <form onSubmit={submit}>
        <h1>API explorer</h1>
        <p>Sign in to ask the API what your role may know.</p>
        <label>
          Name
          <input name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        {wrong && (
          <p className="wrong" role="alert">
            {wrong}
          </p>
        )}
        <button type="submit" disabled={busy}>
          Sign in
        </button>
        <a href="/monitoring/dashboard">To the console</a>
      </form>
    </main>
  );
}
