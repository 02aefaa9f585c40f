import { describe, expect, it } from 'vitest';
import { blocksOf, inlineOf, safe } from './markdown.ts';

describe('inlineOf', () => {
  it('keeps emphasis, code and links', () => {
    expect(inlineOf('Look at **the pool**, run `psql`, see [the board](https://board.example/x).')).toEqual([
      { kind: 'text', text: 'Look at ' },
      { kind: 'strong', children: [{ kind: 'text', text: 'the pool' }] },
      { kind: 'text', text: ', run ' },
      { kind: 'code', text: 'psql' },
      { kind: 'text', text: ', see ' },
      { kind: 'link', href: 'https://board.example/x', children: [{ kind: 'text', text: 'the board' }] },
      { kind: 'text', text: '.' },
    ]);
  });
  it('shows markup and dangerous links as the text they are', () => {
    expect(inlineOf('<img src=x onerror=alert(1)>').every((part) => part.kind === 'text')).toBe(true);
    expect(inlineOf('[press](javascript:alert(1))')).toEqual([{ kind: 'text', text: '[press](javascript:alert(1))' }]);
    expect(inlineOf('![pixel](https://tracker.example/p.gif)').every((part) => part.kind === 'text')).toBe(true);
  });
});

describe('blocksOf', () => {
  it('knows headings, lists and code', () => {
    expect(blocksOf('# First\n\n1. one\n2. two\n\n```\nls\n```').map((block) => block.kind)).toEqual([
      'heading',
      'list',
      'code',
    ]);
  });
  it('leaves nothing of HTML but its text', () => {
    expect(blocksOf('<script>alert(1)</script>')).toEqual([
      { kind: 'paragraph', children: [{ kind: 'text', text: '<script>alert(1)</script>' }] },
    ]);
  });
});

describe('safe', () => {
  it.each([
    ['https://runbooks.example/a', true],
    ['mailto:ops@example.com', true],
    ['/monitoring/alerts', true],
    ['//evil.example', false],
    ['javascript:alert(1)', false],
    ['data:text/html,x', false],
    ['relative', false],
  ])('%s: %s', (href, follows) => {
    expect(safe(href) !== null).toBe(follows);
  });
});
