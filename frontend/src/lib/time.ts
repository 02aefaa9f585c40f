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
