/** A figure ready to be set: the number large, the unit small. A missing value is a dash without a unit. */
export interface Figure {
  value: string;
  unit: string;
}

const NOTHING: Figure = { value: '–', unit: '' };
type Maybe = number | null | undefined;

function digits(value: number, places: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** Three significant digits at most, never in exponent form. */
function three(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  return digits(value, size >= 99.95 ? 0 : size >= 9.995 ? 1 : size < 0.01 ? 3 : 2);
}

/** Seconds, shown in the unit that reads best: µs, ms, s, min. */
export function seconds(value: Maybe): Figure {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (size === 0) return { value: '0', unit: 'ms' };
  if (size < 0.000_9995) return { value: three(value * 1e6), unit: 'µs' };
  if (size < 0.9995) return { value: size < 0.009_995 ? digits(value * 1000, 1) : digits(value * 1000, 0), unit: 'ms' };
  if (size < 119.5) return { value: three(value), unit: 's' };
  return { value: digits(value / 60, 1), unit: 'min' };
}

/** A ratio 0..1 in per cent. Close to either end more digits are kept: 99.94 is not 99.9. */
export function ratio(value: Maybe): Figure {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const percent = value * 100;
  const distance = Math.min(Math.abs(percent), Math.abs(100 - percent));
  if (distance < 0.0005) return { value: digits(percent, 0), unit: '%' };
  const places = distance < 0.01 ? 3 : distance < 10 ? 2 : 1;
  const shown = digits(percent, places);
  return { value: Number(shown) === 100 ? '99.999' : shown, unit: '%' };
}

/** Things a second, or a minute where a second would read 0.0x. */
export function rate(value: Maybe): Figure {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  if (value === 0) return { value: '0', unit: '/s' };
  if (value < 0.1) return { value: three(value * 60), unit: '/min' };
  return { value: value >= 9999.5 ? count(value) : three(value), unit: '/s' };
}

/** 9,999 in full, then 10.0 k, 1.25 M. */
export function count(value: Maybe): string {
  if (value == null || !Number.isFinite(value)) return NOTHING.value;
  const size = Math.abs(value);
  if (size < 9999.5) return digits(value, 0);
  if (size < 999_500) return `${three(value / 1000)} k`;
  if (size < 999_500_000) return `${three(value / 1e6)} M`;
  return `${three(value / 1e9)} G`;
}

export function text({ value, unit }: Figure): string {
  if (!unit) return value;
  return unit === '%' || unit.startsWith('/') ? `${value}${unit}` : `${value} ${unit}`;
}

function signed(value: number, shown: string): string {
  return value > 0 ? `+${shown}` : value < 0 ? `−${shown}` : '±0';
}

/** What changed against the period before; null where there is nothing to compare. */
export function change(kind: 'seconds' | 'ratio' | 'rate', now: Maybe, before: Maybe): string | null {
  if (now == null || before == null) return null;
  const difference = now - before;
  if (kind === 'seconds') {
    if (Math.abs(difference) < 0.000_05) return '±0';
    return signed(difference, text(seconds(Math.abs(difference))));
  }
  if (kind === 'ratio') {
    const points = Math.abs(difference * 100);
    if (points < 0.005) return '±0';
    return signed(difference, `${digits(points, points < 1 ? 2 : 1)} pts`);
  }
  if (before === 0) return null;
  const share = difference / before;
  if (Math.abs(share) < 0.005) return '±0%';
  return signed(share, `${digits(Math.abs(share) * 100, Math.abs(share) < 0.1 ? 1 : 0)}%`);
}

/** `1 request`, `2 requests` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? one : many}`;
}
