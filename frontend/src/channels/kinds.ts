import type { IconName } from '../ui/icons.ts';

export const KIND_ICONS: Record<'EMAIL' | 'SLACK' | 'WEBHOOK' | 'PAGERDUTY' | 'APPRISE', IconName> = {
  EMAIL: 'mail',
  SLACK: 'hash',
  WEBHOOK: 'webhook',
  PAGERDUTY: 'siren',
  APPRISE: 'megaphone',
};
