import { Kind, OperationTypeNode, parse } from 'graphql';
import { type Client, createClient } from 'graphql-ws';
import { session } from '../api/session.svelte.ts';

interface Asked {
  query: string;
  operationName?: string | null;
  variables?: unknown;
}

/** Runs what the editor holds: over HTTP, or over the websocket where it is a subscription. */
export function makeFetcher(): (asked: Asked) => Promise<unknown> | AsyncIterable<unknown> {
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

  return (given) => {
    const { asked, live } = understood(given);
    return live ? socket().iterate(asked as never) : overHttp(asked);
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

/**
 * What is asked, by the text alone: just after a change of tabs the editor still names the other tab's operation.
 */
function understood(asked: Asked): { asked: Asked; live: boolean } {
  try {
    const operations = parse(asked.query).definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
    const named = operations.find((one) => one.name?.value === asked.operationName);
    const chosen = named ?? (operations.length === 1 ? operations[0] : undefined);
    const operationName = chosen ? (chosen.name?.value ?? null) : asked.operationName;
    return { asked: { ...asked, operationName }, live: chosen?.operation === OperationTypeNode.SUBSCRIPTION };
  } catch {
    return { asked, live: false }; // the server says best what is wrong with it
  }
}
