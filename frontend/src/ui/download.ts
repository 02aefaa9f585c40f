import { csv } from '../lib/csv.ts';
import { save } from '../lib/save.ts';

export function saveTable(
  name: string,
  header: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): void {
  save(`${name}.csv`, csv(header, rows));
}

/** The chart as one picture on the card's own ground, with its title and legend. */
export function savePicture(
  name: string,
  title: string,
  legend: readonly { label: string; colour: string }[],
  chart: HTMLCanvasElement,
): void {
  const ratio = devicePixelRatio || 1;
  const head = 58 * ratio;
  const edge = 16 * ratio;
  const canvas = document.createElement('canvas');
  canvas.width = chart.width + edge * 2;
  canvas.height = chart.height + head + edge;
  const pen = canvas.getContext('2d');
  if (!pen) return;
  const style = getComputedStyle(document.documentElement);
  const token = (key: string) => style.getPropertyValue(key).trim();
  pen.fillStyle = token('--card');
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = token('--ink');
  pen.font = `600 ${15 * ratio}px "Geist Variable", sans-serif`;
  pen.fillText(title, edge, 26 * ratio);
  pen.font = `${12 * ratio}px "Geist Variable", sans-serif`;
  let left = edge;
  for (const { label, colour } of legend) {
    pen.fillStyle = colour;
    pen.fillRect(left, 41 * ratio, 14 * ratio, 2 * ratio);
    pen.fillStyle = token('--ink-2');
    pen.fillText(label, left + 20 * ratio, 46 * ratio);
    left += 36 * ratio + pen.measureText(label).width;
  }
  pen.drawImage(chart, edge, head);
  canvas.toBlob((blob) => blob && save(`${name}.png`, blob), 'image/png');
}
