/** What went wrong on the wire, said in a sentence a person can act on. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** field name → sentence, from `extensions.fields` of an INVALID answer: a list of field and message */
    readonly fields: Readonly<Record<string, string>> = {},
    /** seconds the server asks to wait */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = 'Failure';
  }
}

interface WireError {
  message: string;
  path?: readonly (string | number)[];
  extensions?: Record<string, unknown>;
}

const SENTENCES: Record<string, string> = {
  FORBIDDEN: 'Your role does not allow this.',
  RATE_LIMITED: 'Too many requests. Try again in a moment.',
  TOO_COMPLEX: 'The server found this question too large.',
};

export function failureOf(errors: readonly WireError[]): Failure {
  const first = errors[0];
  const extensions = first?.extensions ?? {};
  const code = typeof extensions.code === 'string' ? extensions.code : 'INTERNAL';
  const fields: Record<string, string> = {};
  for (const error of errors) {
    const own = error.extensions ?? {};
    if (Array.isArray(own.fields))
      for (const { field, message } of own.fields) if (typeof field === 'string') fields[field] = String(message);
    if (typeof own.field === 'string') fields[own.field] = error.message;
  }
  const id = typeof extensions.id === 'string' ? ` (${extensions.id})` : '';
  const message =
    code === 'INTERNAL'
      ? `${first?.message || 'Something broke on the server'}${id}`
      : first?.message || SENTENCES[code] || 'The server refused.';
  const wait = extensions.retryAfter;
  return new Failure(code, message, fields, typeof wait === 'number' ? wait : null);
}

export function asFailure(cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  if (cause instanceof DOMException && cause.name === 'TimeoutError')
    return new Failure('TIMEOUT', 'The server took longer than 15 seconds.');
  return new Failure('UNREACHABLE', 'The server cannot be reached.');
}
