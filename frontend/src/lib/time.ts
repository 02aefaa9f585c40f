const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
const STAMP: Intl.DateTimeFormatOptions = {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
};

export function clock(at: number | string): string {
  return new Date(at).toLocaleTimeString('en-GB', TIME);
}

/** `24 Nov, 14:03`, with the year where it is another one. */
export function stamp(at: number | string, now = Date.now()): string {
  const date = new Date(at);
  const year = date.getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' as const };
  return date.toLocaleString('en-GB', { ...STAMP, ...year });
}

export function day(at: number | string): string {
  return new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/** `just now`, `12 s ago`, `4 min ago`, `3 h ago`, `2 days ago` */
export function ago(at: number | string, now = Date.now()): string {
  const passed = (now - new Date(at).getTime()) / 1000;
  return passed < 2 ? 'just now' : `${span(passed)} ago`;
}

/** `in 4 days`; for what is over, `4 days ago` */
export function until(at: number | string, now = Date.now()): string {
  const left = (new Date(at).getTime() - now) / 1000;
  return left > 0 ? `in ${span(left)}` : ago(at, now);
}

export function span(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** `2:41`, `1:02:41`; from two days on `3 days`. What is over counts as nothing left. */
export function countdown(seconds: number): string {
  const left = Math.max(0, Math.ceil(seconds));
  if (left >= 172_800) return span(left);
  const [hours, minutes, rest] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** `14:33`; on another day than today `Wed 09:00`, further away `4 Dec, 09:00` */
export function when(at: number | string, now = Date.now()): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  if (date.toDateString() === new Date(now).toDateString()) return time;
  if (Math.abs(date.getTime() - now) < 6 * 86_400_000)
    return `${date.toLocaleDateString('en-GB', { weekday: 'short' })} ${time}`;
  return stamp(at, now);
}
