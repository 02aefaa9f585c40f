import { parseDuration } from './range.ts';

/** Lengths of time as forms and sentences hold them: seconds inside, ISO 8601 on the wire. */
export type SpanUnit = 'seconds' | 'minutes' | 'hours' | 'days';

export const SPAN_UNITS: readonly { unit: SpanUnit; size: number }[] = [
  { unit: 'seconds', size: 1 },
  { unit: 'minutes', size: 60 },
  { unit: 'hours', size: 3600 },
  { unit: 'days', size: 86_400 },
];

export function sizeOf(unit: SpanUnit): number {
  return SPAN_UNITS.find((one) => one.unit === unit)?.size ?? 1;
}

/** `PT5M`, `PT1H30M`, `P30D`; a whole day and more in days, what is left of it behind the T. */
export function isoOf(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole === 0) return 'PT0S';
  const [days, hours, minutes, rest] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const time = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${rest ? `${rest}S` : ''}`;
  return `P${days ? `${days}D` : ''}${time ? `T${time}` : ''}`;
}

/** The amount and the unit that say it without a fraction. */
export function partsOf(seconds: number): { amount: number; unit: SpanUnit } {
  for (const { unit, size } of SPAN_UNITS.toReversed())
    if (seconds >= size && seconds % size === 0) return { amount: seconds / size, unit };
  return { amount: seconds, unit: seconds === 0 ? 'minutes' : 'seconds' };
}

/** `5 min`, `90 s`, `1 h 30 min`, `30 days`; less than nothing with a minus. */
export function briefly(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  const sign = seconds < 0 && whole > 0 ? '−' : '';
  if (whole < 120 && whole % 60) return `${sign}${whole} s`;
  const parts = [
    [Math.floor(whole / 86_400), whole < 172_800 ? 'day' : 'days'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const said = parts.filter(([amount]) => amount).slice(0, 2);
  return sign + (said.map(([amount, unit]) => `${amount} ${unit}`).join(' ') || '0 s');
}

/** An ISO 8601 duration in short words, a negative one too; empty where there is none. */
export function spoken(duration: string | null | undefined): string {
  if (!duration) return '';
  const negative = duration.startsWith('-');
  const seconds = parseDuration(negative ? duration.slice(1) : duration);
  return seconds === null ? duration : briefly(negative ? -seconds : seconds);
}

/** Seconds of an ISO 8601 duration that the server sent. */
export function secondsOf(duration: string | null | undefined): number {
  if (!duration) return 0;
  const negative = duration.startsWith('-');
  const seconds = parseDuration(negative ? duration.slice(1) : duration) ?? 0;
  return negative ? -seconds : seconds;
}
