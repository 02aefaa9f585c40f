import { listed } from './recurrence.ts';

export interface Match {
  field: 'SERVICE' | 'RULE' | 'SEVERITY' | 'SUBJECT' | 'ATTRIBUTE';
  key: string | null;
  operator: 'IS' | 'IS_NOT' | 'MATCHES';
  value: string;
}

export const FIELDS: readonly { field: Match['field']; name: string }[] = [
  { field: 'SERVICE', name: 'service' },
  { field: 'RULE', name: 'rule' },
  { field: 'SEVERITY', name: 'severity' },
  { field: 'SUBJECT', name: 'subject' },
  { field: 'ATTRIBUTE', name: 'attribute' },
];
export const OPERATORS: readonly { operator: Match['operator']; name: string }[] = [
  { operator: 'IS', name: 'is' },
  { operator: 'IS_NOT', name: 'is not' },
  { operator: 'MATCHES', name: 'matches' },
];

/** `alerts whose service is checkout and severity is not critical`; without any, `every alert`. */
export function matchWords(matchers: readonly Match[]): string {
  if (matchers.length === 0) return 'every alert';
  return `alerts whose ${listed(
    matchers.map(({ field, key, operator, value }) => {
      const name = field === 'ATTRIBUTE' ? (key ?? 'attribute') : FIELDS.find((one) => one.field === field)?.name;
      return `${name} ${OPERATORS.find((one) => one.operator === operator)?.name} ${field === 'SEVERITY' ? value.toLowerCase() : value}`;
    }),
  )}`;
}
