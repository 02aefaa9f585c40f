import type { initGraphQLTada, TadaDocumentNode } from 'gql.tada';
import type { introspection } from './graphql-env.d.ts';

type Graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: {
    Count: number;
    DateTime: string;
    Duration: string;
    Instants: number[];
    Numbers: (number | null)[];
    ID: string;
  };
}>;

/**
 * Types an operation from schema.graphql. Only the types are gql.tada's: what runs is the text itself, so that the
 * console carries no parser.
 */
export const graphql = ((source: string, fragments: readonly unknown[] = []) =>
  [source, ...new Set(fragments as readonly string[])].join('\n')) as unknown as Graphql;

export type Document<Result, Variables> = TadaDocumentNode<Result, Variables>;

export function textOf<Result, Variables>(document: Document<Result, Variables>): string {
  return document as unknown as string;
}

export type { ResultOf, VariablesOf } from 'gql.tada';
