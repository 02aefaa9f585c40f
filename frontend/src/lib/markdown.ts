import { marked, type Token } from 'marked';

/**
 * Markdown as values that a page draws itself: no HTML ever comes out of it, so nothing in a text can become markup.
 * Links lead to the web, to a mailbox or within the console; any other address is shown as the text it is.
 */
export type Inline =
  | { kind: 'text' | 'code'; text: string }
  | { kind: 'strong' | 'em' | 'del'; children: Inline[] }
  | { kind: 'link'; href: string; children: Inline[] }
  | { kind: 'break' };

export type Block =
  | { kind: 'paragraph' | 'heading'; children: Inline[] }
  | { kind: 'code'; text: string }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'list'; ordered: boolean; entries: Block[][] }
  | { kind: 'rule' };

export function blocksOf(text: string): Block[] {
  return marked.lexer(text.slice(0, 50_000)).flatMap(block);
}

/** The text of one line: no paragraphs, no lists. */
export function inlineOf(text: string): Inline[] {
  return marked.Lexer.lexInline(text.slice(0, 5_000)).flatMap(inline);
}

function block(token: Token): Block[] {
  switch (token.type) {
    case 'space':
    case 'def':
      return [];
    case 'heading':
      return [{ kind: 'heading', children: inlines(token.tokens) }];
    case 'code':
      return [{ kind: 'code', text: token.text }];
    case 'blockquote':
      return [{ kind: 'quote', blocks: (token.tokens ?? []).flatMap(block) }];
    case 'list':
      return [
        {
          kind: 'list',
          ordered: token.ordered,
          entries: token.items.map((entry: { tokens: Token[] }) => entry.tokens.flatMap(block)),
        },
      ];
    case 'hr':
      return [{ kind: 'rule' }];
    case 'paragraph':
    case 'text':
      return [
        { kind: 'paragraph', children: 'tokens' in token && token.tokens ? inlines(token.tokens) : plain(token.text) },
      ];
    default:
      return [{ kind: 'paragraph', children: plain(token.raw.trim()) }];
  }
}

function inlines(tokens: readonly Token[] | undefined): Inline[] {
  return (tokens ?? []).flatMap(inline);
}

function inline(token: Token): Inline[] {
  switch (token.type) {
    case 'text':
      return 'tokens' in token && token.tokens ? inlines(token.tokens) : plain(token.text);
    case 'escape':
      return plain(token.text);
    case 'codespan':
      return [{ kind: 'code', text: token.text }];
    case 'strong':
    case 'em':
    case 'del':
      return [{ kind: token.type, children: inlines(token.tokens) }];
    case 'link': {
      const href = safe(token.href);
      return href ? [{ kind: 'link', href, children: inlines(token.tokens) }] : plain(token.raw);
    }
    case 'br':
      return [{ kind: 'break' }];
    case 'checkbox':
      return [];
    default:
      return plain(token.raw);
  }
}

function plain(text: string): Inline[] {
  return text ? [{ kind: 'text', text }] : [];
}

/** The address if it is one that may be followed, else null. */
export function safe(href: string): string | null {
  if (/^\/(?![/\\])/.test(href)) return href;
  try {
    const url = new URL(href);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
