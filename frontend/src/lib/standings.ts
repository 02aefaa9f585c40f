import { plural } from './numbers.ts';

export type Standing = 'OK' | 'PENDING' | 'FIRING' | 'UNKNOWN';
const ORDER: readonly Standing[] = ['FIRING', 'PENDING', 'UNKNOWN', 'OK'];
const WORDS: Record<Standing, string> = { FIRING: 'firing', PENDING: 'pending', UNKNOWN: 'without data', OK: 'well' };

/** Where a rule's subjects stand, what is wrong first: `1 firing, 2 well`. */
export function standingWords(subjects: readonly { standing: Standing }[]): string {
  if (subjects.length === 0) return 'nothing seen yet';
  return ORDER.map((standing) => [subjects.filter((one) => one.standing === standing).length, WORDS[standing]] as const)
    .filter(([amount]) => amount)
    .map(([amount, word]) => `${amount} ${word}`)
    .join(', ');
}

export function worstStanding(subjects: readonly { standing: Standing }[]): Standing | null {
  return ORDER.find((standing) => subjects.some((one) => one.standing === standing)) ?? null;
}

export function standingTone(
  standing: Standing | null,
  severity: string,
): 'critical' | 'warning' | 'info' | 'ok' | 'none' {
  if (standing === 'FIRING') return severity.toLowerCase() as 'critical' | 'warning' | 'info';
  if (standing === 'PENDING') return 'warning';
  return standing === 'OK' ? 'ok' : 'none';
}

export function standingWord(standing: Standing): string {
  const word = WORDS[standing];
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** What a list of rules says above itself: `13 rules, 1 firing, 1 with an error, 8 without a source yet`. */
export function rulesWords(
  rules: readonly {
    enabled: boolean;
    measured: boolean;
    subjects: readonly { standing: Standing }[];
    health: { error: string | null };
  }[],
): string {
  const on = rules.filter((rule) => rule.enabled);
  const firing = on.filter((rule) => worstStanding(rule.subjects) === 'FIRING').length;
  const waiting = on.filter((rule) => !rule.measured).length;
  const broken = on.filter((rule) => rule.measured && rule.health.error).length;
  const off = rules.length - on.length;
  return [
    plural(rules.length, 'rule'),
    firing ? `${firing} firing` : '',
    broken ? `${broken} with an error` : '',
    waiting ? `${waiting} without a source yet` : '',
    off ? `${off} off` : '',
  ]
    .filter(Boolean)
    .join(', ');
}
