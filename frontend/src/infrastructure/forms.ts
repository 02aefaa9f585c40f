import { graphql, type ResultOf, type VariablesOf } from '../api/graphql.ts';

export const FORM = graphql(`
  query ProbeForm {
    probeKinds {
      kind label help available unavailableReason shortestInterval interval timeout
      fields { name label help type required placeholder default options advanced }
      facts { name label unit }
    }
    probes { id name }
    probeWorkers { host }
  }
`);

export const SAVE_PROBE = graphql(`
  mutation SaveOneProbe($input: SaveProbeInput!) { saveProbe(input: $input) { probe { id name } warnings { field message } } }
`);

export const TRY_PROBE = graphql(`
  mutation TryOneProbe($input: SaveProbeInput!) {
    tryProbe(input: $input) {
      ok message latency
      facts { name value unit part }
      answer { at lines steps { name seconds detail } }
      problems { field message }
    }
  }
`);

export type KindInfo = ResultOf<typeof FORM>['probeKinds'][number];
export type Field = KindInfo['fields'][number];
export type ProbeInput = VariablesOf<typeof SAVE_PROBE>['input'];
export type Tried = ResultOf<typeof TRY_PROBE>['tryProbe'];

/** A secret of several lines cannot be typed into one. */
export function hasLines(field: Pick<Field, 'type' | 'help'>): boolean {
  return field.type === 'LINES' || (field.type === 'SECRET' && /^one a line/i.test(field.help));
}

/**
 * What is sent of the settings: of a new probe everything that was filled in, of a stored one what is another than it
 * was. A setting left out keeps what is stored, also a secret that nobody here has read.
 */
export function settingsOf(
  fields: readonly Pick<Field, 'name' | 'type' | 'default'>[],
  values: Readonly<Record<string, string>>,
  stored: Readonly<Record<string, string>> | null,
): { name: string; value: string }[] {
  return fields.flatMap(({ name, type, default: usual }) => {
    const typed = values[name];
    if (typed === undefined) return [];
    const value = type === 'LINES' || type === 'SECRET' ? typed : typed.trim();
    if (stored ? value === (stored[name] ?? usual ?? '') : !value) return [];
    return [{ name, value }];
  });
}

/** What a probe is called where nobody says so: by what it asks, and apart from those there are. Empty while that is not known. */
export function nameOf(settings: Readonly<Record<string, string>>, runsOn: string, taken: readonly string[]): string {
  const typed = (settings.url || settings.name || settings.host || settings.folder || runsOn).trim();
  const name = typed.includes('://')
    ? ofAddress(typed)
    : [typed, settings.host === typed && settings.port].filter(Boolean).join(':');
  if (!name) return '';
  const short = name.slice(0, 90);
  for (let number = 1; ; number += 1) {
    const free = number === 1 ? short : `${short} ${number}`;
    if (!taken.includes(free)) return free;
  }
}

/** `app at db.example.com` of a database, `api.example.com` of everything else. */
function ofAddress(address: string): string {
  const [, scheme = '', host = '', path = ''] =
    /^([a-z+]+):\/\/(?:[^@/?#]*@)?([^/?#,]*)\/?([^?#]*)/i.exec(address) ?? [];
  const bare = host.replace(/:(80|443|5432|6379)$/, '');
  return /^postgres/i.test(scheme) && path && bare ? `${decodeURIComponent(path)} at ${bare}` : bare;
}

/** `team=shop`, one a line, as keys and values; a line without `=` is a key alone, which the server refuses by name. */
export function labelsOf(text: string): { key: string; value: string }[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const place = line.indexOf('=');
      return place === -1
        ? { key: line, value: '' }
        : { key: line.slice(0, place).trim(), value: line.slice(place + 1).trim() };
    });
}
