import { isShare } from './checks.ts';
import { count, rate, ratio, seconds, text } from './numbers.ts';
import { span } from './time.ts';

/** Signals whose unit is 1 and that people read in per cent. */
const PERCENT = new Set(['ERROR_RATE', 'AVAILABILITY', 'CPU', 'MEMORY']);
const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** What stands for a unit where a number without one is a share of a whole, read in per cent. */
export const SHARE = 'share';

/** The unit of what a condition reads: the name of a fact tells a share from a plain number. */
export function unitOf(unit: string, metric: string | null | undefined): string {
  return metric && isShare(metric, unit) ? SHARE : unit;
}

/** A number of at most three significant digits: `7.25`, `0.004`, `1,204`. */
export function plain(value: number): string {
  const size = Math.abs(value);
  if (size >= 9999.5) return count(value);
  return value.toLocaleString('en', size >= 999.5 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });
}

/** A unit by itself, as it stands beside a name: `%`, `s`, `connections`; empty where a number stands alone. */
export function unitWord(unit: string): string {
  const words: Record<string, string> = {
    [SHARE]: '%',
    '1': '',
    By: 'bytes',
    d: 'days',
    '1/s': 'per second',
  };
  return words[unit] ?? counted(2, unit);
}

/** A measured value with its unit (UCUM), as people read it. `signal` tells a share from a plain number. */
export function measure(value: number | null | undefined, unit: string, signal: string | null = null): string {
  if (value == null || !Number.isFinite(value)) return '–';
  if (unit === SHARE || (signal && PERCENT.has(signal))) return short(ratio(value));
  switch (unit) {
    case 's':
      return Math.abs(value) >= 119.5 ? span(Math.round(value)) : short(seconds(value));
    case 'ms':
      return short(seconds(value / 1000));
    case '1/s':
      return text(rate(value));
    case 'x':
      return `${plain(value)}×`;
    case 'd':
      return `${plain(value)} ${Math.abs(value) === 1 ? 'day' : 'days'}`;
    case '%':
      return `${plain(value)}%`;
    case 'By': {
      const place = Math.min(
        BYTES.length - 1,
        Math.abs(value) < 1 ? 0 : Math.floor(Math.log(Math.abs(value)) / Math.log(1024)),
      );
      return `${plain(value / 1024 ** place)} ${BYTES[place]}`;
    }
    case '':
    case '1':
      return plain(value);
    default:
      return unit.startsWith('1/') ? `${plain(value)}${unit.slice(1)}` : `${plain(value)} ${counted(value, unit)}`;
  }
}

/** `{query}` of three is `queries`; a unit that is none of counting stays as it is. */
function counted(value: number, unit: string): string {
  const thing = /^\{(.*)\}$/.exec(unit)?.[1];
  if (!thing || value === 1) return unit.replace(/[{}]/g, '');
  return thing.endsWith('y') && !/[aeo]y$/.test(thing) ? `${thing.slice(0, -1)}ies` : `${thing}s`;
}

/** A threshold is a round number: 5.00% is 5%. */
function short({ value, unit }: { value: string; unit: string }): string {
  return text({ value: value.includes('.') ? value.replace(/\.?0+$/, '') : value, unit });
}
