import { expect, it } from 'vitest';
import { differenceOf } from './difference.ts';

const said = (before: string, after: string) =>
  differenceOf(before, after)
    .map(({ kind, text }) => `${{ same: ' ', gone: '-', new: '+' }[kind]}${text}`)
    .join('|');

it.each([
  ['a\nb\nc', 'a\nb\nc', ' a| b| c', 'nothing changed'],
  ['a\nb\nc', 'a\nx\nc', ' a|-b|+x| c', 'a line changed'],
  ['a\nc', 'a\nb\nc', ' a|+b| c', 'a line came'],
  ['a\nb\nc', 'a\nc', ' a|-b| c', 'a line went'],
])('%#: %s', (before, after, lines, _why) => {
  expect(said(before, after)).toBe(lines);
});
