import { type Client, createClient } from 'graphql-ws';
import { session } from '../api/session.svelte.ts';

interface Asked {
  query: string;
  operationName?: string | null;
  variables?: unknown;
}

/** Runs what the editor holds: over HTTP, or over the websocket where it is a subscription. */
export function makeFetcher(): (
  asked: Asked,
  options?: { documentAST?: unknown },
) => Promise<unknown> | AsyncIterable<unknown> {
  let client: Client | null = null;

  function socket(): Client {
    client ??= createClient({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
      connectionParams: async () => ({ Authorization: `Bearer ${(await session.token()) ?? ''}` }),
      retryAttempts: 20,
      shouldRetry: () => true,
    });
    return client;
  }

  return (asked, options) => {
    if (subscribes(asked, options?.documentAST)) return socket().iterate(asked as never);
    return overHttp(asked);
  };
}

async function overHttp(asked: Asked): Promise<unknown> {
  const once = async () =>
    fetch('/graphql', {
      method: 'POST',
      headers: {
        accept: 'application/graphql-response+json, application/json;q=0.9',
        'content-type': 'application/json',
        authorization: `Bearer ${(await session.token()) ?? ''}`,
      },
      body: JSON.stringify({
        query: asked.query,
        operationName: asked.operationName ?? null,
        variables: asked.variables ?? null,
      }),
    });
  let response = await once();
  if (response.status === 401 && (await session.renew())) response = await once();
  return response.json().catch(() => ({ errors: [{ message: `The server answered ${response.status}.` }] }));
}

interface Definition {
  kind: string;
  operation?: string;
  name?: { value: string };
}

function subscribes(asked: Asked, document: unknown): boolean {
  const definitions = (document as { definitions?: Definition[] } | undefined)?.definitions ?? [];
  const operations = definitions.filter((one) => one.kind === 'OperationDefinition');
  const chosen = asked.operationName
    ? operations.find((one) => one.name?.value === asked.operationName)
    : operations[0];
  return chosen?.operation === 'subscription';
}
