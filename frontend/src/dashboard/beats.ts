import { plural, ratio, seconds, text } from '../lib/numbers.ts';
import { clock, stamp } from '../lib/time.ts';
import type { Beat } from '../ui/Beats.svelte';

interface Timeline {
  at: readonly number[];
  requestCount: readonly (number | null)[];
  errorRate: readonly (number | null)[];
  latencyP95: readonly (number | null)[];
}

interface Limits {
  errorRate: number;
  latency: number;
}

/**
 * A bar for each bin of the range, also for those the service said nothing of. `down` is five times the errors its
 * target allows, `slow` any target missed; height tells the two apart as well as colour.
 */
export function beatsOf(timeline: Timeline, bounds: readonly [number, number], step: number, limits: Limits): Beat[] {
  const index = new Map(timeline.at.map((at, place) => [Math.floor(at / step), place]));
  const beats: Beat[] = [];
  const spell = bounds[1] - bounds[0] > 86_400 ? stamp : clock;
  for (let slot = Math.ceil(bounds[0] / step); slot * step < bounds[1]; slot += 1) {
    const at = slot * step;
    const place = index.get(slot);
    const requests = place === undefined ? 0 : (timeline.requestCount[place] ?? 0);
    const time = spell(at * 1000);
    if (place === undefined || requests === 0) {
      beats.push({ at, state: 'none', title: `${time}: no requests` });
      continue;
    }
    const errors = timeline.errorRate[place] ?? 0;
    const latency = timeline.latencyP95[place] ?? null;
    const state =
      errors > limits.errorRate * 5
        ? 'down'
        : errors > limits.errorRate || (latency ?? 0) > limits.latency
          ? 'slow'
          : 'ok';
    beats.push({
      at,
      state,
      title: `${time}: ${plural(requests, 'request')}, ${text(ratio(errors))} failed, p95 ${text(seconds(latency))}`,
    });
  }
  return beats;
}
