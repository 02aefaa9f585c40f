import type { IconName } from '../ui/icons.ts';
import type { ProbeKind } from './queries.ts';

export const KIND_ICONS: Record<ProbeKind, IconName> = {
  HTTP: 'link',
  EXTERNAL_API: 'webhook',
  POSTGRES: 'table-2',
  REDIS: 'activity',
  TLS: 'lock',
  TCP: 'radio',
  DNS: 'hash',
  HOST: 'server',
  PROMETHEUS: 'chart-line',
  BACKUP: 'history',
};
