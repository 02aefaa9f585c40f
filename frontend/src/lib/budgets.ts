import { text } from './numbers.ts';
import { secondsOf, spoken } from './spans.ts';

export interface Budget {
  left: number;
  leftDuration: string;
  good: number;
  bad: number;
  actual: number | null;
  burnRate: number | null;
}

/** A share as an objective is spoken of: 99.9%, 99.95%. */
export function shareWords(share: number | null): string {
  if (share === null) return '–';
  const percent = share * 100;
  // Cut, not rounded: 99.996% has not reached 100%.
  const places = percent >= 99.99 && percent < 100 ? 3 : 2;
  const cut = Math.floor(percent * 10 ** places + 1e-7) / 10 ** places;
  return text({ value: String(cut), unit: '%' });
}

/** `62% left`, `overspent by 24%`, signed; nothing measured leaves all of it. */
export function leftWords(left: number): string {
  const percent = Math.round(Math.abs(left) * 100);
  return left < 0 ? `−${percent}%` : `${percent}%`;
}

export function budgetTone({ left, burnRate, actual }: Budget): 'critical' | 'warning' | 'ok' | 'none' {
  if (actual === null) return 'none';
  if (left < 0) return 'critical';
  return left < 0.25 || (burnRate ?? 0) > 1 ? 'warning' : 'ok';
}

/** What goes with the figure: how long it lasts, or since how much it is overspent. */
export function budgetWords(budget: Budget): string {
  if (budget.actual === null) return 'No request was counted yet';
  const amount = spoken(budget.leftDuration.replace(/^-/, ''));
  if (budget.left < 0) return `Overspent, as if ${amount} too many had failed entirely`;
  return secondsOf(budget.leftDuration) === 0 ? 'Nothing is left of it' : `${amount} of total failure are left`;
}

/** `burns 3.1× too fast`, `at 0.6×` of what the window allows. */
export function burnWords(rate: number | null): string {
  if (rate === null) return '';
  const shown = Number(rate.toPrecision(2));
  return rate > 1 ? `Burning ${shown}× as fast as it may` : `Burning at ${shown}× of what it may`;
}
