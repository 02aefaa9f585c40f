import { Failure, failureOf } from './failure.ts';
import { type Document, textOf } from './graphql.ts';
import { session } from './session.svelte.ts';

/**
 * Runs one operation over HTTP and answers its `data`. Any error in the answer is thrown as a Failure: a card is
 * either whole or says why it is not.
 */
export async function execute<Result, Variables>(
  document: Document<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Result> {
  const response = await send(textOf(document), variables, signal, await session.token());
  if (response.status !== 401) return read<Result>(response);
  const token = (await session.renew()) ? await session.token() : null;
  return read<Result>(await send(textOf(document), variables, signal, token));
}

async function send(query: string, variables: unknown, signal: AbortSignal | undefined, token: string | null) {
  const limit = AbortSignal.timeout(15_000);
  return fetch('/graphql', {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json, application/json;q=0.9',
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ query, variables }),
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  });
}

async function read<Result>(response: Response): Promise<Result> {
  const answer = await response.json().catch(() => null);
  if (answer?.errors?.length) throw failureOf(answer.errors);
  if (!response.ok || !answer?.data) {
    if (response.status === 401) throw new Failure('UNAUTHENTICATED', 'The session has ended.');
    throw new Failure('INTERNAL', `The server answered ${response.status}.`);
  }
  return answer.data as Result;
}
