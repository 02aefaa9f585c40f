export type Role = 'VIEWER' | 'OPERATOR' | 'ADMIN' | 'SYSTEM';
export type Scope = 'INGEST' | 'READ' | 'CONFIGURE';

/** The roles a person can have, least first, each with what it is for. */
export const ROLES: readonly { role: Exclude<Role, 'SYSTEM'>; name: string; means: string }[] = [
  { role: 'VIEWER', name: 'Viewer', means: 'Looks at figures and charts. Sees no personal fields, changes nothing.' },
  { role: 'OPERATOR', name: 'Operator', means: 'Also reads single requests with their details, and works on alerts.' },
  { role: 'ADMIN', name: 'Admin', means: 'Also manages people, API keys and settings, and reads the audit log.' },
];

export const SCOPES: readonly { scope: Scope; name: string; means: string }[] = [
  { scope: 'INGEST', name: 'Send', means: 'Send telemetry and deployments. What an application or a pipeline needs.' },
  { scope: 'READ', name: 'Read', means: 'Ask for figures. What a dashboard or a release gate needs.' },
  { scope: 'CONFIGURE', name: 'Configure', means: 'Apply configuration kept as code.' },
];

export function roleName(role: Role): string {
  return role === 'SYSTEM' ? 'System' : (ROLES.find((known) => known.role === role)?.name ?? role);
}

export function initials(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0]?.[0], words.at(-1)?.[0]] : [words[0]?.slice(0, 2)];
  return letters.join('').toUpperCase();
}
