import { type GraphiQLPlugin, useGraphiQLActions } from '@graphiql/react';
import { createContext, useContext } from 'react';
import { ROLES, type Role } from '../lib/roles.ts';
import { EXAMPLES, examplesFor } from './examples.ts';

/** The role of whoever looks: decides which examples are theirs. */
export const Granted = createContext<Role>('VIEWER');

function Icon() {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d="M9 18h6M10 22h4M15.1 14c.2-1 .7-1.7 1.4-2.500A4.6 4.6 0 0 0 18 8 6 6 0 0 0 6 8c0 1 .2 2.2 1.5 3.5.7.7 1.2 1.5 1.4 2.5" />
    </svg>
  );
}

function Examples() {
  const role = useContext(Granted);
  const { addTab, updateActiveTabValues } = useGraphiQLActions();
  const mine = examplesFor(role);

  function open(query: string, variables: string) {
    addTab();
    updateActiveTabValues({ query, variables, response: null });
  }

  return (
    <section className="examples">
      <h2>Examples</h2>
      {ROLES.map((known) => (
        <div key={known.role}>
          <h3>{known.name}</h3>
          <ul>
            {EXAMPLES.filter((example) => example.role === known.role).map((example) => (
              <li key={example.title}>
                <button
                  type="button"
                  disabled={!mine.includes(example)}
                  title={mine.includes(example) ? undefined : 'Needs a higher role'}
                  onClick={() => open(example.query, example.variables ?? '')}
                >
                  {example.title}
                  {example.query.includes('subscription ') && <small>live</small>}
                </button>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

export const EXAMPLES_PLUGIN: GraphiQLPlugin = { title: 'Examples', icon: Icon, content: Examples };
