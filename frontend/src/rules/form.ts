import { type Aggregation, type Signal, wordsOf } from '../lib/signals.ts';
import { isoOf, secondsOf } from '../lib/spans.ts';
import type { Rule, RuleInput } from './queries.ts';

/** A rule while it is edited: spans in seconds, everything a field can hold. */
export interface RuleForm {
  name: string;
  enabled: boolean;
  severity: 'CRITICAL' | 'WARNING' | 'INFO';
  service: string | null;
  routes: string[];
  criticalRoutes: boolean;
  signal: Signal;
  metric: string;
  /** null: the newest value of a fact */
  aggregation: Aggregation | null;
  filter: { key: string; values: string[] }[];
  groupBy: string[];
  comparison: 'ABOVE' | 'BELOW';
  threshold: number | null;
  recovery: number | null;
  window: number;
  holdFor: number;
  minSamples: number;
  whenNoData: 'OK' | 'KEEP' | 'ALERT';
  runbook: string;
  runbookUrl: string;
  reopenAfter: number | null;
  dependsOn: string[];
  policy: string | null;
}

export function blank(service: string | null): RuleForm {
  return {
    name: '',
    enabled: true,
    severity: 'WARNING',
    service,
    routes: [],
    criticalRoutes: false,
    signal: 'ERROR_RATE',
    metric: '',
    aggregation: 'AVG',
    filter: [],
    groupBy: [],
    comparison: 'ABOVE',
    threshold: 0.05,
    recovery: null,
    window: 300,
    holdFor: 60,
    minSamples: 1,
    whenNoData: 'KEEP',
    runbook: '',
    runbookUrl: '',
    reopenAfter: null,
    dependsOn: [],
    policy: null,
  };
}

export function formOf(rule: Rule): RuleForm {
  const { condition } = rule;
  return {
    name: rule.name,
    enabled: rule.enabled,
    severity: rule.severity,
    service: rule.service,
    routes: [...rule.routes],
    criticalRoutes: rule.criticalRoutes,
    signal: condition.signal,
    metric: condition.metric ?? '',
    aggregation: condition.aggregation ?? (condition.signal === 'FACT' ? null : 'AVG'),
    filter: condition.filter.map((one) => ({ key: one.key, values: [...one.in] })),
    groupBy: [...condition.groupBy],
    comparison: condition.comparison,
    threshold: condition.threshold,
    recovery: condition.recovery,
    window: secondsOf(condition.window),
    holdFor: secondsOf(condition.holdFor),
    minSamples: condition.minSamples,
    whenNoData: condition.whenNoData,
    runbook: rule.runbook,
    runbookUrl: rule.runbookUrl ?? '',
    reopenAfter: rule.reopenAfter === null ? null : secondsOf(rule.reopenAfter),
    dependsOn: rule.dependsOn.map(({ id }) => id),
    policy: rule.escalationPolicy?.id ?? null,
  };
}

/** Whether what was found last is judged, and nothing over a window. */
export function isNewest({ signal, aggregation }: Pick<RuleForm, 'signal' | 'aggregation'>): boolean {
  return Boolean(wordsOf(signal).each) && !(signal === 'FACT' && aggregation);
}

/** What is sent; null while the form lacks what the server needs to understand it at all. */
export function inputOf(form: RuleForm, saved: { id: string; version: number } | null): RuleInput | null {
  if (form.threshold === null) return null;
  const words = wordsOf(form.signal);
  const metric = form.signal === 'METRIC';
  const newest = isNewest(form);
  if (words.named && !form.metric.trim()) return null;
  return {
    ...(saved ? { id: saved.id, version: saved.version } : {}),
    name: form.name.trim(),
    enabled: form.enabled,
    severity: form.severity,
    service: form.service,
    routes: words.routed ? form.routes : [],
    criticalRoutes: Boolean(words.routed && form.criticalRoutes),
    condition: {
      signal: form.signal,
      metric: words.named ? form.metric.trim() : null,
      aggregation: metric ? (form.aggregation ?? 'AVG') : form.signal === 'FACT' ? form.aggregation : null,
      filter:
        metric || words.each
          ? form.filter
              .filter(({ key, values }) => key && values.length)
              .map(({ key, values }) => ({ key, in: values }))
          : [],
      groupBy: metric ? form.groupBy : [],
      comparison: form.comparison,
      threshold: form.threshold,
      recovery: form.recovery,
      window: isoOf(form.window),
      holdFor: isoOf(form.holdFor),
      minSamples: newest ? 1 : form.minSamples,
      whenNoData: form.whenNoData,
    },
    runbook: form.runbook,
    runbookUrl: form.runbookUrl.trim() || null,
    reopenAfter: form.reopenAfter === null ? null : isoOf(form.reopenAfter),
    dependsOn: form.dependsOn,
    escalationPolicy: form.policy,
  };
}

/** The same for trying and checking: a name is not needed for that. */
export function trialOf(form: RuleForm, saved: { id: string; version: number } | null): RuleInput | null {
  const input = inputOf(form, saved);
  return input && { ...input, name: input.name || 'a new rule' };
}

const NAMES: Record<string, string> = {
  name: 'name',
  enabled: 'on or off',
  severity: 'severity',
  service: 'service',
  routes: 'routes',
  critical_routes: 'critical routes',
  signal: 'signal',
  metric: 'metric',
  aggregation: 'aggregation',
  filter: 'filter',
  group_by: 'grouping',
  comparison: 'direction',
  threshold: 'threshold',
  recovery: 'recovery',
  window: 'window',
  short_window: 'short window',
  hold_for: 'hold for',
  min_samples: 'minimum samples',
  when_no_data: 'without data',
  runbook: 'runbook',
  runbook_url: 'runbook address',
  reopen_after: 're-opening',
  depends_on: 'dependencies',
  escalation_policy: 'policy',
  policy_id: 'policy',
  policy: 'policy',
};

/** A field of a version in the words of the form. */
export function fieldName(field: string): string {
  const last = (field.split('.').at(-1) ?? field).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return NAMES[last] ?? last.replaceAll('_', ' ');
}
