import { SHARE } from './units.ts';

/** How a threshold is typed and read: shares in per cent, everything else in its own unit. */
export interface Scale {
  factor: number;
  suffix: string;
  /** values end here: a share is never more than 1 */
  top: number | null;
}

const SHARES = new Set(['ERROR_RATE', 'AVAILABILITY', 'CPU', 'MEMORY']);

export function scaleOf(signal: string, unit: string): Scale {
  if (SHARES.has(signal) || unit === SHARE) return { factor: 100, suffix: '%', top: 1 };
  if (signal === 'APDEX') return { factor: 1, suffix: '', top: 1 };
  const suffixes: Record<string, string> = { '': '', '1': '', '1/s': 'per second', x: '×', d: 'days', By: 'bytes' };
  return { factor: 1, suffix: suffixes[unit] ?? unit.replace(/[{}]/g, ''), top: null };
}

/** The text of a number field: without the noise of binary fractions. */
export function typed(value: number | null, scale: Scale): string {
  return value === null || !Number.isFinite(value) ? '' : String(Number((value * scale.factor).toPrecision(10)));
}

/** What was typed, a comma as a point too; null for what is no number. */
export function untyped(text: string, scale: Scale): number | null {
  const cleaned = text.trim().replace(',', '.').replace(/%$/, '').trim();
  if (cleaned === '') return null;
  const value = Number(cleaned);
  return Number.isFinite(value) ? Number((value / scale.factor).toPrecision(12)) : null;
}

/** A round step of which about a hundred fill the axis: 1, 2 or 5 times a power of ten. */
export function stepOf(height: number): number {
  if (!(height > 0)) return 1;
  const raw = height / 100;
  const power = 10 ** Math.floor(Math.log10(raw));
  const lead = raw / power;
  return Number(((lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10) * power).toPrecision(6));
}

export function snapped(value: number, step: number): number {
  return Number((Math.round(value / step) * step).toPrecision(10));
}

/** Where a key moves a threshold; null for a key that moves nothing. */
export function nudged(
  value: number,
  key: string,
  [low, high]: readonly [number, number],
  scale: Scale,
): number | null {
  const step = stepOf(high - low);
  const moves: Record<string, number> = {
    ArrowUp: value + step,
    ArrowRight: value + step,
    ArrowDown: value - step,
    ArrowLeft: value - step,
    PageUp: value + 10 * step,
    PageDown: value - 10 * step,
    Home: low,
    End: high,
  };
  const next = moves[key];
  return next === undefined ? null : bounded(snapped(next, step), low, scale);
}

/** A threshold pulled to a height of the axis. */
export function pulled(value: number, [low, high]: readonly [number, number], scale: Scale): number {
  return bounded(snapped(Math.min(high, Math.max(low, value)), stepOf(high - low)), low, scale);
}

function bounded(value: number, low: number, scale: Scale): number {
  return Math.min(scale.top ?? Number.POSITIVE_INFINITY, Math.max(low, value));
}

/**
 * The recovery that goes with a threshold that moved: it keeps its share of it, so that dragging does not put it on the
 * wrong side.
 */
export function followed(recovery: number | null, before: number, after: number): number | null {
  if (recovery === null || before === 0) return recovery;
  return Number(((recovery / before) * after).toPrecision(6));
}
