/** The top of an axis from zero: a round number a little above the highest value, and at least `least`. */
export function ceiling(highest: number, least: number): number {
  const wanted = Math.max(highest * 1.08, least);
  if (wanted <= 0 || !Number.isFinite(wanted)) return least || 1;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= wanted) ?? 10;
  return step * power;
}

/** `M0 10L5 8…` of a sparkline; values missing for more than a tenth of it break the line. */
export function sparkPath(
  values: readonly (number | null)[],
  width: number,
  height: number,
  floor: number | null = null,
) {
  const present = values.filter((value): value is number => value !== null);
  if (present.length === 0) return null;
  const low = floor === null ? Math.min(...present) : Math.min(floor, ...present);
  const high = Math.max(...present);
  const span = high - low || Math.abs(high) || 1;
  const x = (index: number) => 2 + (index / Math.max(1, values.length - 1)) * (width - 6);
  const y = (value: number) => (high === low ? height / 2 : 3 + (1 - (value - low) / span) * (height - 7));
  let line = '';
  let area = '';
  let start: number | null = null;
  let end: [number, number] = [0, 0];
  const bridged = values.length / 10;
  let missing = 0;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      missing += 1;
      continue;
    }
    if (start !== null && missing > bridged) {
      area += `L${end[0].toFixed(1)} ${height}L${start.toFixed(1)} ${height}Z`;
      start = null;
    }
    missing = 0;
    end = [x(index), y(value)];
    const step = `${start === null ? 'M' : 'L'}${end[0].toFixed(1)} ${end[1].toFixed(1)}`;
    line += step;
    area += step;
    start ??= end[0];
  }
  if (start !== null) area += `L${end[0].toFixed(1)} ${height}L${start.toFixed(1)} ${height}Z`;
  return { line, area, end };
}

/** `count` values out of many: each the highest of its stretch, so that a short peak is not lost. */
export function thinned(values: readonly (number | null)[], count: number): (number | null)[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, index) => {
    const part = values
      .slice(Math.floor((index * values.length) / count), Math.floor(((index + 1) * values.length) / count))
      .filter((value): value is number => value !== null);
    return part.length ? Math.max(...part) : null;
  });
}
