import { type Figure, ratio, seconds, text } from './numbers.ts';

export interface Target {
  name: string;
  objective: number;
  comparison: 'BELOW' | 'ABOVE';
  unit: string;
  actual: number | null;
  met: boolean | null;
}

const NAMES: Record<string, string> = {
  latency_avg: 'Average response',
  latency_p95: '95th percentile',
  error_rate: 'Error rate',
  availability: 'Availability',
  cpu: 'Processor',
  memory: 'Memory',
};

export function nameOf(target: Pick<Target, 'name'>): string {
  return NAMES[target.name] ?? target.name.replaceAll('_', ' ');
}

export function isTime(target: Pick<Target, 'name'>): boolean {
  return target.name.startsWith('latency');
}

export function figureOf(target: Target): Figure {
  return isTime(target) ? seconds(target.actual) : ratio(target.actual);
}

/** `under 2 s`, `over 99.9%` */
export function wordsOf(target: Pick<Target, 'name' | 'objective' | 'comparison'>): string {
  const limit = isTime(target) ? text(seconds(target.objective)) : `${Number((target.objective * 100).toFixed(4))}%`;
  return `${target.comparison === 'BELOW' ? 'under' : 'over'} ${limit.replace('.00 s', ' s')}`;
}

export type Tone = 'ok' | 'warning' | 'critical' | 'none';

export function toneOf(met: boolean | null): Tone {
  return met === null ? 'none' : met ? 'ok' : 'critical';
}
