import { describe, expect, it } from 'vitest';
import { measure } from './units.ts';

describe('measure', () => {
  it.each([
    [0.05, '1', 'ERROR_RATE', '5%', 'a share in per cent, without needless zeros'],
    [0.0725, '1', 'ERROR_RATE', '7.25%', 'a share keeps its digits'],
    [0.85, '1', 'APDEX', '0.85', 'Apdex is a number'],
    [0.85, '1', 'MEMORY', '85%', 'memory is a share'],
    [2.4, 's', 'LATENCY_P95', '2.4 s', 'seconds'],
    [0.25, 's', 'LATENCY_AVG', '250 ms', 'less than a second'],
    [300, 's', 'SILENCE', '5 min', 'a long silence'],
    [12.5, '1/s', 'THROUGHPUT', '12.5/s', 'requests per second'],
    [14.4, 'x', 'BURN_RATE', '14.4×', 'how fast a budget burns'],
    [13, 'd', 'TLS_DAYS_LEFT', '13 days', 'days left'],
    [1, 'd', 'TLS_DAYS_LEFT', '1 day', 'one day left'],
    [1_610_612_736, 'By', 'METRIC', '1.5 GiB', 'bytes'],
    [14, '{connection}', 'METRIC', '14 connections', 'what UCUM only annotates'],
    [1, '{connection}', 'METRIC', '1 connection', 'one of them'],
    [0, '{query}', 'METRIC', '0 queries', 'none of them'],
    [3, '{key}', 'METRIC', '3 keys', 'a vowel before the y'],
    [3, '{job}/s', 'METRIC', '3 job/s', 'an annotated rate'],
    [1204, '1', 'METRIC', '1,204', 'a plain number'],
    [null, 's', 'LATENCY_P95', '–', 'nothing measured'],
  ])('%s %s of %s is %s: %s', (value, unit, signal, words, _why) => {
    expect(measure(value, unit, signal)).toBe(words);
  });
});
