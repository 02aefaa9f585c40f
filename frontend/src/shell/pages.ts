import type { Component } from 'svelte';
import type { IconName } from '../ui/icons.ts';

export interface Page {
  /** what ends in a slash and a star is a page for each address one part longer: `/monitoring/alerts/*` */
  path: string;
  title: string;
  /** the word under the tab on a phone */
  short: string;
  icon: IconName;
  /** empty for a page that has no key */
  keys: string;
  /** where its link stands; a page `within` another has none of its own */
  group: 'watch' | 'manage' | 'own' | 'within';
  /** the page it belongs to, to which the bar leads back */
  within?: string;
  requires?: 'ADMINISTER' | 'CONFIGURE';
  ranged?: boolean;
  /** the range it shows where the address says none */
  last?: string;
  load: () => Promise<{ default: Component }>;
}

export const PAGES: readonly Page[] = [
  {
    path: '/monitoring/dashboard',
    title: 'Overview',
    short: 'Overview',
    icon: 'layout-dashboard',
    keys: 'g o',
    group: 'watch',
    ranged: true,
    load: () => import('../dashboard/Dashboard.svelte'),
  },
  {
    path: '/monitoring/alerts',
    title: 'Alerts',
    short: 'Alerts',
    icon: 'bell',
    keys: 'g a',
    group: 'watch',
    load: () => import('../alerts/Alerts.svelte'),
  },
  {
    path: '/monitoring/alerts/history',
    title: 'Alert history',
    short: 'History',
    icon: 'history',
    keys: 'g h',
    group: 'within',
    within: '/monitoring/alerts',
    ranged: true,
    last: 'P7D',
    load: () => import('../alerts/History.svelte'),
  },
  {
    path: '/monitoring/alerts/review',
    title: 'Alert review',
    short: 'Review',
    icon: 'chart-column',
    keys: 'g v',
    group: 'within',
    within: '/monitoring/alerts',
    ranged: true,
    last: 'P7D',
    load: () => import('../alerts/Review.svelte'),
  },
  {
    path: '/monitoring/alerts/*',
    title: 'Alert',
    short: 'Alert',
    icon: 'bell',
    keys: '',
    group: 'within',
    within: '/monitoring/alerts',
    load: () => import('../alerts/Alert.svelte'),
  },
  {
    path: '/monitoring/runbooks/*',
    title: 'Runbook',
    short: 'Runbook',
    icon: 'list-checks',
    keys: '',
    group: 'within',
    within: '/monitoring/alerts',
    load: () => import('../runbooks/Runbook.svelte'),
  },
  {
    path: '/monitoring/on-call',
    title: 'On call',
    short: 'On call',
    icon: 'calendar-clock',
    keys: 'g c',
    group: 'watch',
    load: () => import('../oncall/OnCall.svelte'),
  },
  {
    path: '/monitoring/on-call/*',
    title: 'Schedule',
    short: 'Schedule',
    icon: 'calendar-clock',
    keys: '',
    group: 'within',
    within: '/monitoring/on-call',
    load: () => import('../oncall/ScheduleEditor.svelte'),
  },
  {
    path: '/monitoring/performance',
    title: 'Performance',
    short: 'Speed',
    icon: 'gauge',
    keys: 'g p',
    group: 'watch',
    ranged: true,
    load: () => import('../performance/Performance.svelte'),
  },
  {
    path: '/monitoring/infrastructure',
    title: 'Infrastructure',
    short: 'Probes',
    icon: 'radar',
    keys: 'g i',
    group: 'watch',
    load: () => import('../infrastructure/Infrastructure.svelte'),
  },
  {
    path: '/monitoring/infrastructure/*',
    title: 'Probe',
    short: 'Probe',
    icon: 'radar',
    keys: '',
    group: 'within',
    within: '/monitoring/infrastructure',
    ranged: true,
    load: () => import('../infrastructure/Probe.svelte'),
  },
  {
    path: '/monitoring/heartbeats',
    title: 'Heartbeats',
    short: 'Heartbeats',
    icon: 'activity',
    keys: 'g b',
    group: 'within',
    within: '/monitoring/infrastructure',
    load: () => import('../infrastructure/Heartbeats.svelte'),
  },
  {
    path: '/monitoring/heartbeats/*',
    title: 'Heartbeat',
    short: 'Heartbeat',
    icon: 'activity',
    keys: '',
    group: 'within',
    within: '/monitoring/heartbeats',
    load: () => import('../infrastructure/Heartbeat.svelte'),
  },
  {
    path: '/monitoring/maintenance',
    title: 'Maintenance',
    short: 'Windows',
    icon: 'construction',
    keys: 'g m',
    group: 'manage',
    load: () => import('../maintenance/Maintenance.svelte'),
  },
  {
    path: '/settings/rules',
    title: 'Rules',
    short: 'Rules',
    icon: 'sliders-horizontal',
    keys: 'g r',
    group: 'manage',
    load: () => import('../rules/Rules.svelte'),
  },
  {
    path: '/settings/rules/*',
    title: 'Rule',
    short: 'Rule',
    icon: 'sliders-horizontal',
    keys: '',
    group: 'within',
    within: '/settings/rules',
    load: () => import('../rules/Rule.svelte'),
  },
  {
    path: '/settings/objectives',
    title: 'Objectives',
    short: 'Promises',
    icon: 'target',
    keys: 'g j',
    group: 'manage',
    load: () => import('../objectives/Objectives.svelte'),
  },
  {
    path: '/settings/channels',
    title: 'Channels',
    short: 'Channels',
    icon: 'send',
    keys: 'g n',
    group: 'manage',
    load: () => import('../channels/Channels.svelte'),
  },
  {
    path: '/settings/escalation',
    title: 'Escalation',
    short: 'Ladder',
    icon: 'list-ordered',
    keys: 'g s',
    group: 'manage',
    load: () => import('../escalation/Policies.svelte'),
  },
  {
    path: '/settings/escalation/*',
    title: 'Policy',
    short: 'Policy',
    icon: 'list-ordered',
    keys: '',
    group: 'within',
    within: '/settings/escalation',
    load: () => import('../escalation/Policy.svelte'),
  },
  {
    path: '/settings/status',
    title: 'Status page',
    short: 'Status',
    icon: 'megaphone',
    keys: 'g w',
    group: 'manage',
    load: () => import('../status/Status.svelte'),
  },
  {
    path: '/settings/telemetry',
    title: 'Send telemetry',
    short: 'Send',
    icon: 'radio',
    keys: 'g t',
    group: 'manage',
    load: () => import('../send/Send.svelte'),
  },
  {
    path: '/settings/people',
    title: 'People',
    short: 'People',
    icon: 'users',
    keys: 'g u',
    group: 'manage',
    requires: 'ADMINISTER',
    load: () => import('../people/People.svelte'),
  },
  {
    path: '/settings/keys',
    title: 'API keys',
    short: 'Keys',
    icon: 'key-round',
    keys: 'g k',
    group: 'manage',
    requires: 'ADMINISTER',
    load: () => import('../keys/Keys.svelte'),
  },
  {
    path: '/settings/audit',
    title: 'Audit log',
    short: 'Audit',
    icon: 'scroll-text',
    keys: 'g l',
    group: 'manage',
    requires: 'ADMINISTER',
    load: () => import('../audit/Audit.svelte'),
  },
  {
    path: '/settings/account',
    title: 'Account',
    short: 'Account',
    icon: 'user',
    keys: 'g y',
    group: 'own',
    load: () => import('../account/Account.svelte'),
  },
];

/** The page at an address: the one of exactly that path, otherwise the one for what lies a part below it. */
export function pageAt(path: string): Page | undefined {
  const below = path.replace(/[^/]+$/, '*');
  return PAGES.find((known) => known.path === path) ?? PAGES.find((known) => known.path === below);
}
