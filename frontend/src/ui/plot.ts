import uPlot from 'uplot';
import { rate, ratio, seconds, text } from '../lib/numbers.ts';
import { ceiling } from '../lib/ticks.ts';
import { measure, SHARE } from '../lib/units.ts';

/** What is measured; anything but times, shares and rates by its unit (UCUM). */
export type Kind = 'seconds' | 'ratio' | 'rate' | 'availability' | { unit: string };

export interface Line {
  name: string;
  label: string;
  /** a token: `--series-1` */
  colour: string;
  area?: boolean;
  weight?: number;
  dashed?: boolean;
}

export interface Mark {
  id: string;
  at: number;
  label: string;
}

/** A level that matters, drawn across the chart and always within its bounds. */
export interface Limit {
  value: number;
  label: string;
}

/** A stretch of time that was wrong, tinted; to the end of the chart where it goes on. */
export interface Shade {
  from: number;
  to: number | null;
  label: string;
}

export interface PlotOptions {
  kind: Kind;
  lines: readonly Line[];
  height: number;
  target: () => { value: number; label: string } | null;
  limits?: () => readonly Limit[];
  shade?: () => Shade | null;
  /** stretches of time that were wrong, tinted without a name */
  bands?: () => readonly { from: number; to: number }[];
  /** foot and top of the axis, where somebody else decides them */
  axis?: () => [number, number] | null;
  marks: () => readonly Mark[];
  bounds: () => [number, number];
  /** where the cursor stands: an index, or null when it left */
  point: (index: number | null) => void;
  zoom: (from: number, to: number) => void;
}

/** Seconds without a value that a line still crosses. */
const BRIDGED = 130;
/** Pixels around the plotted area: what is laid over a chart finds its place by them. */
export const FRAME = { top: 14, right: 14, bottom: 28, left: 56 } as const;
const FONT = '12px "Geist Variable", sans-serif';

export function reading(kind: Kind, value: number | null | undefined): string {
  if (typeof kind === 'object') return measure(value, kind.unit);
  if (kind === 'seconds') return text(seconds(value));
  return text(kind === 'rate' ? rate(value) : ratio(value));
}

/** The kind of chart for values of a unit; `signal` tells a share from a plain number. */
export function kindOf(unit: string, signal: string | null = null): Kind {
  if (unit === 's') return 'seconds';
  if (unit === '1/s') return 'rate';
  if (unit === SHARE) return 'ratio';
  if (unit === '1' && signal && ['ERROR_RATE', 'AVAILABILITY', 'CPU', 'MEMORY'].includes(signal)) return 'ratio';
  return { unit };
}

function tick(kind: Kind, value: number): string {
  // What is counted is said in the heading; beside every line there is no room for it.
  if (typeof kind === 'object') return measure(value, kind.unit.startsWith('{') ? '1' : kind.unit);
  if (value === 0) return kind === 'ratio' || kind === 'availability' ? '0%' : '0';
  if (kind === 'ratio' || kind === 'availability') return `${Number((value * 100).toFixed(3))}%`;
  if (kind === 'rate') return `${value >= 1000 ? `${Number((value / 1000).toFixed(1))}k` : Number(value.toFixed(3))}/s`;
  return value < 0.001
    ? `${Number((value * 1e6).toFixed(1))} µs`
    : value < 1
      ? `${Number((value * 1000).toFixed(1))} ms`
      : `${Number(value.toFixed(2))} s`;
}

const two = (value: number) => String(value).padStart(2, '0');
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

function instants(splits: readonly number[], step: number): string[] {
  return splits.map((split) => {
    const date = new Date(split * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
    if (step >= 86_400 || midnight) return DAY.format(date);
    const minute = `${two(date.getHours())}:${two(date.getMinutes())}`;
    return step < 60 ? `${minute}:${two(date.getSeconds())}` : minute;
  });
}

/** Draws one chart into `root`; the caller gives it data, sizes it, and destroys it. */
export function plot(root: HTMLElement, data: uPlot.AlignedData, options: PlotOptions): uPlot {
  const { kind, lines } = options;
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const [ink, line, accent] = [token('--ink-3'), token('--line'), token('--accent')];

  function range(u: uPlot): [number, number] {
    const axis = options.axis?.();
    if (axis) return axis;
    let high = 0;
    let low = 1;
    let lowest = 0;
    for (let index = 1; index < u.data.length; index += 1) {
      if (u.series[index]?.show === false) continue;
      for (const value of u.data[index] ?? []) {
        if (value == null) continue;
        if (value > high) high = value;
        if (value < low) low = value;
        if (value < lowest) lowest = value;
      }
    }
    if (kind === 'availability') return [low >= 0.99 ? 0.99 : low >= 0.9 ? 0.9 : low >= 0.5 ? 0.5 : 0, 1];
    const target = options.target();
    const limit = Math.max(0, ...(options.limits?.() ?? []).map((one) => one.value));
    const wanted = Math.max(limit, target && target.value <= high * 1.6 ? Math.max(high, target.value) : high);
    if (typeof kind === 'object')
      return [lowest < 0 ? -ceiling(-lowest, 0) : 0, wanted > 0 || lowest === 0 ? ceiling(wanted, 0) : 0];
    const top = ceiling(wanted, kind === 'ratio' ? 0.01 : kind === 'seconds' ? 0.01 : 0.1);
    return [0, kind === 'ratio' ? Math.min(1, top) : top];
  }

  function drawShade(u: uPlot, pen: CanvasRenderingContext2D, ratio: number) {
    const shade = options.shade?.();
    if (!shade) return;
    const { left, width, top, height } = u.bbox;
    const end = left + width;
    const from = Math.min(end, Math.max(left, u.valToPos(shade.from, 'x', true)));
    const to = shade.to === null ? end : Math.min(end, Math.max(left, u.valToPos(shade.to, 'x', true)));
    pen.fillStyle = token('--critical-fill');
    pen.globalAlpha = 0.09;
    pen.fillRect(from, top, to - from, height);
    pen.globalAlpha = 1;
    pen.fillRect(Math.round(from) - ratio / 2, top, 1.5 * ratio, height);
  }

  function drawBands(u: uPlot, pen: CanvasRenderingContext2D, ratio: number) {
    const { left, width, top, height } = u.bbox;
    const within = (at: number) => Math.min(left + width, Math.max(left, u.valToPos(at, 'x', true)));
    pen.fillStyle = token('--critical-fill');
    for (const { from, to } of options.bands?.() ?? []) {
      const start = within(from);
      // However short a stretch was, it can be seen.
      const wide = Math.max(2 * ratio, within(to) - start);
      pen.globalAlpha = 0.12;
      pen.fillRect(start, top, wide, height);
      pen.globalAlpha = 1;
      pen.fillRect(start, top, wide, 3 * ratio);
    }
  }

  function drawShadeName(u: uPlot, pen: CanvasRenderingContext2D, ratio: number) {
    const shade = options.shade?.();
    if (!shade) return;
    const { left, width, top } = u.bbox;
    const from = Math.min(left + width, Math.max(left, u.valToPos(shade.from, 'x', true)));
    pen.font = `500 ${12 * ratio}px "Geist Variable", sans-serif`;
    pen.textBaseline = 'top';
    // Within the stretch where it has the room: before it stand the names of deployments.
    const after = left + width - from > pen.measureText(shade.label).width + 10 * ratio;
    pen.textAlign = after ? 'left' : 'right';
    const x = from + (after ? 6 : -6) * ratio;
    pen.strokeStyle = token('--card');
    pen.lineWidth = 3 * ratio;
    pen.lineJoin = 'round';
    const y = top + (options.marks().length ? 15 : 2) * ratio;
    pen.strokeText(shade.label, x, y);
    pen.fillStyle = token('--critical');
    pen.fillText(shade.label, x, y);
  }

  function drawTarget(
    u: uPlot,
    pen: CanvasRenderingContext2D,
    ratio: number,
    target: Limit | null,
    beside: Limit | null = null,
  ) {
    if (!target) return;
    const { min, max } = u.scales.y ?? {};
    if (min == null || max == null || target.value > max || target.value < min) return;
    const { left, width, top } = u.bbox;
    const y = Math.round(u.valToPos(target.value, 'y', true)) + 0.5;
    pen.strokeStyle = token('--control-line');
    pen.lineWidth = ratio;
    pen.setLineDash([4 * ratio, 4 * ratio]);
    pen.beginPath();
    pen.moveTo(left, y);
    pen.lineTo(left + width, y);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = ink;
    pen.font = `${12 * ratio}px "Geist Variable", sans-serif`;
    pen.textAlign = 'left';
    const words = beside ? Math.round(u.valToPos(beside.value, 'y', true)) + 0.5 : y;
    const below = words - top < 18 * ratio;
    const x = left + 2 * ratio + (beside ? pen.measureText(beside.label).width + 14 * ratio : 0);
    pen.textBaseline = below ? 'top' : 'bottom';
    // A rim of the card's colour keeps the words legible where a line runs behind them.
    pen.strokeStyle = token('--card');
    pen.lineWidth = 3 * ratio;
    pen.lineJoin = 'round';
    pen.strokeText(target.label, x, words + (below ? 5 : -4) * ratio);
    pen.fillText(target.label, x, words + (below ? 5 : -4) * ratio);
  }

  function drawMarks(u: uPlot, pen: CanvasRenderingContext2D, ratio: number) {
    const { left, width, top, height } = u.bbox;
    let free = Number.NEGATIVE_INFINITY;
    pen.font = `500 ${11.5 * ratio}px "Geist Variable", sans-serif`;
    pen.textBaseline = 'middle';
    pen.textAlign = 'left';
    const marks = options.marks().toSorted((a, b) => a.at - b.at);
    for (const [place, mark] of marks.entries()) {
      const x = Math.round(u.valToPos(mark.at, 'x', true));
      const next = marks[place + 1];
      if (x < left || x > left + width) continue;
      pen.fillStyle = accent;
      pen.globalAlpha = 0.65;
      pen.fillRect(x, top, ratio, height);
      pen.globalAlpha = 1;
      pen.beginPath();
      pen.moveTo(x - 4 * ratio, top);
      pen.lineTo(x + 5 * ratio, top);
      pen.lineTo(x + 0.5 * ratio, top + 6 * ratio);
      pen.fill();
      if (options.height < 160) continue;
      const wide = pen.measureText(mark.label).width + 14 * ratio;
      const at = x + wide > left + width ? x - wide + 4 * ratio : x + 7 * ratio;
      // Of two that stand close together the later one, which runs on, keeps its name.
      if (at < free || (next && u.valToPos(next.at, 'x', true) < at + wide - 6 * ratio)) continue;
      free = at + wide;
      pen.fillText(mark.label, at, top + 5 * ratio);
    }
  }

  const u = new uPlot(
    {
      width: Math.max(120, root.clientWidth),
      height: options.height,
      padding: [FRAME.top, FRAME.right, 0, 0],
      legend: { show: false },
      cursor: {
        points: { size: 7, width: 2 },
        focus: { prox: -1 },
        drag: { x: true, y: false, setScale: false },
        sync: {
          key: 'time',
          scales: ['x', null],
          filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
        },
      },
      scales: {
        x: { time: true, range: () => options.bounds() },
        y: { range },
      },
      axes: [
        {
          stroke: ink,
          font: FONT,
          grid: { show: false },
          ticks: { show: false },
          border: { show: true, stroke: line, width: 1 },
          size: FRAME.bottom,
          gap: 7,
          space: 78,
          values: (_, splits, __, ___, step) => instants(splits, step),
        },
        {
          stroke: ink,
          font: FONT,
          grid: { stroke: line, width: 1 },
          ticks: { show: false },
          border: { show: false },
          size: FRAME.left,
          gap: 8,
          space: options.height < 160 ? 30 : 42,
          values: (_, splits) => splits.map((value) => tick(kind, value)),
        },
      ],
      series: [
        {},
        ...lines.map((entry, index): uPlot.Series => {
          const colour = token(entry.colour);
          return {
            label: entry.label,
            stroke: colour,
            width: entry.weight ?? 1.6,
            ...(entry.dashed ? { dash: [5, 4] } : {}),
            ...(entry.area ? { fill: (self: uPlot) => fade(self, colour) } : {}),
            // Many exporters send once a minute: what lies between two of their points is no gap.
            gaps: (self, _, __, ___, gaps) =>
              gaps.filter(
                ([from, to]) =>
                  self.posToVal(to, 'x', true) - self.posToVal(from, 'x', true) >
                  reach(self.data[index + 1] ?? [], self.data[0]),
              ),
            // A value alone between two gaps has no line: it gets a dot instead.
            points: {
              show: true,
              size: 4,
              width: 0,
              fill: colour,
              filter: (self, place) => lonely(self.data[place] ?? [], self.data[0]),
            },
          };
        }),
      ],
      hooks: {
        drawAxes: [
          (self) => {
            const ratio = devicePixelRatio || 1;
            self.ctx.save();
            drawShade(self, self.ctx, ratio);
            drawBands(self, self.ctx, ratio);
            drawMarks(self, self.ctx, ratio);
            self.ctx.restore();
          },
        ],
        draw: [
          (self) => {
            self.ctx.save();
            const ratio = devicePixelRatio || 1;
            drawTarget(self, self.ctx, ratio, options.target());
            // Of two levels close together the lower one has its words beside those of the upper.
            const limits = (options.limits?.() ?? []).toSorted((a, b) => b.value - a.value);
            for (const [place, limit] of limits.entries()) {
              const above = limits[place - 1];
              const near = above && self.valToPos(limit.value, 'y') - self.valToPos(above.value, 'y') < 20;
              drawTarget(self, self.ctx, ratio, limit, near ? above : null);
            }
            drawShadeName(self, self.ctx, ratio);
            self.ctx.restore();
          },
        ],
        setCursor: [(self) => options.point(self.cursor.idx ?? null)],
        setSelect: [
          (self) => {
            const { left, width } = self.select;
            if (width < 6) return;
            const [from, to] = [self.posToVal(left, 'x'), self.posToVal(left + width, 'x')];
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            options.zoom(from, to);
          },
        ],
      },
    },
    data,
    root,
  );
  followTouch(u);
  return u;
}

function fade(u: uPlot, colour: string): CanvasGradient {
  const gradient = u.ctx.createLinearGradient(0, u.bbox.top, 0, u.bbox.top + u.bbox.height);
  gradient.addColorStop(0, `${colour}2e`);
  gradient.addColorStop(1, `${colour}00`);
  return gradient;
}

/** Seconds that a line still crosses: beside a finer series a coarse one is silent most of the time, and yet whole. */
export function reach(values: ArrayLike<number | null | undefined>, at: ArrayLike<number>): number {
  const steps: number[] = [];
  let last: number | null = null;
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] == null) continue;
    const instant = at[index] ?? 0;
    if (last !== null) steps.push(instant - last);
    last = instant;
  }
  const usual = steps.sort((a, b) => a - b)[steps.length >> 1] ?? 0;
  return Math.max(BRIDGED, usual * 1.5);
}

/** Places of the values that have no neighbour within reach. */
export function lonely(values: ArrayLike<number | null | undefined>, at: ArrayLike<number>): number[] {
  const present: number[] = [];
  const far = reach(values, at);
  for (let index = 0; index < values.length; index += 1) if (values[index] != null) present.push(index);
  const apart = (one: number | undefined, other: number | undefined) =>
    one === undefined ||
    other === undefined ||
    (Math.abs((at[one] ?? 0) - (at[other] ?? 0)) > far && Math.abs(one - other) > 1);
  return present.filter((index, place) => apart(index, present[place - 1]) && apart(index, present[place + 1]));
}

/** A finger on the chart reads it as a mouse would; the page still scrolls up and down. */
function followTouch(u: uPlot): void {
  u.over.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch') return;
    const box = u.over.getBoundingClientRect();
    u.setCursor({ left: event.clientX - box.left, top: event.clientY - box.top });
  });
}
