import { ratio, text } from './numbers.ts';
import { figureOf, nameOf, type Target, wordsOf } from './targets.ts';

export type Health = 'HEALTHY' | 'DEGRADED' | 'UNHEALTHY' | 'SILENT';

export interface Judged {
  name: string;
  health: Health;
  errorRate: number | null;
  targets: readonly Target[];
}

export interface Verdict {
  tone: 'critical' | 'warning';
  title: string;
  detail: string;
  /** the service to look at first */
  service: string;
}

const ORDER: readonly Health[] = ['UNHEALTHY', 'SILENT', 'DEGRADED', 'HEALTHY'];

/** "Is anything wrong?" in a sentence or two; null when all is well. */
export function verdictOf(services: readonly Judged[]): Verdict | null {
  const wrong = services
    .filter((service) => service.health !== 'HEALTHY')
    .sort((a, b) => ORDER.indexOf(a.health) - ORDER.indexOf(b.health));
  const worst = wrong[0];
  if (!worst) return null;
  const others = wrong.length - 1;
  const rest = others === 0 ? '' : ` ${others} more ${others === 1 ? 'service needs' : 'services need'} a look.`;
  const tone = worst.health === 'UNHEALTHY' ? 'critical' : 'warning';
  return { tone, title: titleOf(worst), detail: detailOf(worst) + rest, service: worst.name };
}

function titleOf({ name, health, targets }: Judged): string {
  if (health === 'SILENT') return `${name} has gone silent`;
  const missed = targets.filter((target) => target.met === false).map((target) => target.name);
  if (missed.includes('availability') && health === 'UNHEALTHY') return `${name} is unavailable at times`;
  if (missed.includes('error_rate'))
    return health === 'UNHEALTHY' ? `${name} is failing` : `${name} fails more than it should`;
  if (missed.some((target) => target.startsWith('latency'))) return `${name} is slow`;
  if (missed.includes('cpu') || missed.includes('memory')) return `${name} is short of resources`;
  return health === 'UNHEALTHY' ? `${name} is unhealthy` : `${name} is degraded`;
}

function detailOf({ health, errorRate, targets }: Judged): string {
  if (health === 'SILENT') return 'No telemetry arrives from it. It may be down, or only its exporter.';
  const missed = targets.filter((target) => target.met === false);
  if (missed.length === 0)
    return 'The last minutes were worse than its targets allow; the whole range still meets them.';
  const parts = missed.map((target) =>
    target.name === 'error_rate' && errorRate !== null
      ? `${text(ratio(errorRate))} of requests failed (target ${wordsOf(target)})`
      : `${nameOf(target).toLowerCase()} is ${text(figureOf(target))} (target ${wordsOf(target)})`,
  );
  const sentence = parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : (parts[0] ?? '');
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

export function healthWord(health: Health): string {
  return { HEALTHY: 'Healthy', DEGRADED: 'Degraded', UNHEALTHY: 'Unhealthy', SILENT: 'Silent' }[health];
}

export function healthTone(health: Health): 'ok' | 'warning' | 'critical' | 'silent' {
  return ({ HEALTHY: 'ok', DEGRADED: 'warning', UNHEALTHY: 'critical', SILENT: 'silent' } as const)[health];
}
