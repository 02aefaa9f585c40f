import { describe, expect, it } from 'vitest';
import { csv, fileName } from './csv.ts';

describe('a table for a spreadsheet', () => {
  it('quotes what needs it', () => expect(csv(['a'], [['x,"y"']])).toBe('a\r\n"x,""y"""\r\n'));
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '|calc', '%0a'])('cannot start a formula with %j', (text) =>
    expect(csv(['a'], [[text]]).split('\r\n')[1]).toMatch(/^"?'/),
  );
  it('leaves numbers numbers and nothing empty', () =>
    expect(csv(['a', 'b', 'c'], [[-1.5, null, Number.NaN]])).toBe('a,b,c\r\n-1.5,,\r\n'));
  it('has a name', () => expect(fileName('Response time', 'payments-api')).toBe('response-time-payments-api'));
});
