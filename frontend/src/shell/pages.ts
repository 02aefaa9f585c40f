import type { Component } from 'svelte';
import type { IconName } from '../ui/icons.ts';

export interface Page {
  path: string;
  title: string;
  /** the word under the tab on a phone */
  short: string;
  icon: IconName;
  keys: string;
  group: 'watch' | 'manage' | 'own';
  requires?: 'ADMINISTER';
  ranged?: boolean;
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
    keys: 'g i',
    group: 'own',
    load: () => import('../account/Account.svelte'),
  },
];
