import { isFlag } from '../lib/checks.ts';
import { unitOf, unitWord } from '../lib/units.ts';
import type { RuleForm } from './form.ts';
import type { Watched } from './queries.ts';

export interface Fact {
  name: string;
  label: string;
  unit: string;
}

export interface FactGroup {
  kind: string;
  facts: readonly Fact[];
}

/** Every fact once, under the kinds that tell it: those of every kind first, one that some kinds share under the first. */
export function factsOf(kinds: Watched['probeKinds']): FactGroup[] {
  const everywhere = (name: string) =>
    kinds.length > 1 && kinds.every(({ facts }) => facts.some((one) => one.name === name));
  const known = new Set<string>();
  const once = (facts: readonly Fact[]) => facts.filter(({ name }) => !known.has(name) && known.add(name));
  const common = once(kinds[0]?.facts.filter(({ name }) => everywhere(name)) ?? []);
  return [
    { kind: 'Every kind', facts: common },
    ...kinds.map(({ label, facts }) => ({ kind: label, facts: once(facts) })),
  ].filter(({ facts }) => facts.length);
}

/** `Memory, %`, `Size, bytes`, `Up` */
export function factWords({ name, label, unit }: Fact): string {
  const word = unitWord(unitOf(unit, name));
  return word && !isFlag(name) && !label.toLowerCase().split(/\W+/).includes(word) ? `${label}, ${word}` : label;
}

/** What a fact is usually wrong at: a promise of half is none, and a certificate wants weeks. */
export function usualOf({ name, unit }: Fact): Pick<RuleForm, 'comparison' | 'threshold'> {
  if (isFlag(name)) return { comparison: 'BELOW', threshold: 1 };
  if (unit === 'd') return { comparison: 'BELOW', threshold: 21 };
  const scarce = /left|hit|available|free/.test(name);
  if (unitOf(unit, name) !== unit)
    return scarce ? { comparison: 'BELOW', threshold: 0.1 } : { comparison: 'ABOVE', threshold: 0.9 };
  return { comparison: scarce ? 'BELOW' : 'ABOVE', threshold: 1 };
}

/** By what some probes or heartbeats can be chosen, and the values there are of each: kind, name, part, labels. */
export function choicesOf(each: 'probe' | 'heartbeat', watched: Watched | null): Map<string, string[]> {
  const found = new Map<string, Set<string>>();
  const put = (key: string, value: string) => found.set(key, (found.get(key) ?? new Set()).add(value));
  if (each === 'probe') for (const { kind } of watched?.probeKinds ?? []) put('kind', kind.toLowerCase());
  for (const one of (each === 'probe' ? watched?.probes : watched?.heartbeats) ?? []) {
    put(each, one.name);
    for (const { key, value } of one.labels) put(key, value);
  }
  if (each === 'probe' && !found.has('part')) found.set('part', new Set());
  return new Map([...found].map(([key, values]) => [key, [...values].sort()]));
}

/** Services that probes or heartbeats belong to. */
export function servicesOf(watched: Watched | null): string[] {
  const named = [...(watched?.probes ?? []), ...(watched?.heartbeats ?? [])].flatMap(({ service }) => service ?? []);
  return [...new Set(named)].sort();
}
