import { severityWord } from '../lib/alarms.ts';
import { AGGREGATIONS, wordsOf } from '../lib/signals.ts';
import { briefly } from '../lib/spans.ts';
import { scaleOf, typed } from '../lib/threshold.ts';
import type { RuleForm } from './form.ts';

export type Field = keyof RuleForm;
type Named = readonly { id: string; name: string }[];

/** A field's value as people read it; `names` knows the rules and policies that it may point to. */
export function wordingOf(
  form: RuleForm,
  field: Field,
  unit: string,
  names: { rules: Named; escalationPolicies: Named },
): string {
  const level = (value: number | null) => {
    if (value === null) return 'none';
    const scale = scaleOf(form.signal, unit);
    return `${typed(value, scale)}${scale.suffix.length > 1 ? ' ' : ''}${scale.suffix}`;
  };
  const nameIn = (known: Named, id: string) => known.find((one) => one.id === id)?.name ?? id;
  switch (field) {
    case 'enabled':
      return form.enabled ? 'on' : 'off';
    case 'severity':
      return severityWord(form.severity);
    case 'service':
      return form.service ?? 'every service';
    case 'routes':
    case 'groupBy':
      return form[field].join(', ') || 'none';
    case 'criticalRoutes':
      return form.criticalRoutes ? 'the critical ones' : 'any';
    case 'signal':
      return wordsOf(form.signal).name;
    case 'aggregation':
      return AGGREGATIONS.find((one) => one.aggregation === form.aggregation)?.name ?? 'newest value';
    case 'filter':
      return form.filter.map(({ key, values }) => `${key}: ${values.join(' or ')}`).join(', ') || 'none';
    case 'comparison':
      return form.comparison === 'ABOVE' ? 'above' : 'below';
    case 'threshold':
    case 'recovery':
      return level(form[field]);
    case 'window':
    case 'holdFor':
      return briefly(form[field]);
    case 'reopenAfter':
      return form.reopenAfter === null ? 'never' : `after ${briefly(form.reopenAfter)}`;
    case 'whenNoData':
      return { KEEP: 'it stays as it was', OK: 'all is well', ALERT: 'that itself is wrong' }[form.whenNoData];
    case 'dependsOn':
      return form.dependsOn.map((id) => nameIn(names.rules, id)).join(', ') || 'no other rule';
    case 'policy':
      return form.policy === null ? 'the default' : nameIn(names.escalationPolicies, form.policy);
    default:
      return String(form[field]) || 'empty';
  }
}

/** A field that somebody changed since both began, and who: the reader, the other, or both. */
export interface Difference {
  field: Field;
  by: 'mine' | 'theirs' | 'both';
}

export function differencesOf(before: RuleForm, mine: RuleForm, theirs: RuleForm): Difference[] {
  const same = (one: RuleForm, other: RuleForm, field: Field) =>
    JSON.stringify(one[field]) === JSON.stringify(other[field]);
  return (Object.keys(before) as Field[]).flatMap((field): Difference[] => {
    // Whatever both changed alike is no question.
    if (same(mine, theirs, field)) return [];
    const [here, there] = [!same(before, mine, field), !same(before, theirs, field)];
    return [{ field, by: here && there ? 'both' : here ? 'mine' : 'theirs' }];
  });
}

/** Theirs, with those fields of mine. */
export function joined(theirs: RuleForm, mine: RuleForm, fields: readonly Field[]): RuleForm {
  return { ...theirs, ...Object.fromEntries(fields.map((field) => [field, mine[field]])) };
}
