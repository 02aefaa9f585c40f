export interface Complaint {
  field: string;
  message: string;
}

/**
 * What the server says of a field: `threshold` is also `condition.threshold` and `input.condition.threshold`, and
 * `hold_for` is `holdFor`. Empty where there is nothing to say.
 */
export function complaintOf(fields: Readonly<Record<string, string>>, name: string): string {
  const sought = plain(name);
  for (const [field, message] of Object.entries(fields)) {
    const known = plain(field);
    if (known === sought || known.endsWith(`.${sought}`)) return sentence(message);
  }
  return '';
}

/** What is said of a part of a form and of anything within it: of `levels.1`, `levels.1.targets.0.id` too. */
export function complaintsUnder(fields: Readonly<Record<string, string>>, part: string): string {
  const sought = plain(part);
  return Object.entries(fields)
    .filter(([field]) => within(plain(field), sought))
    .map(([, message]) => sentence(message))
    .join(' ');
}

/** Complaints that belong to none of the fields that a form shows, nor lie within one of its parts. */
export function homeless(
  fields: Readonly<Record<string, string>>,
  shown: readonly string[],
  parts: readonly string[] = [],
): string[] {
  const homes = new Set(
    Object.keys(fields).filter(
      (field) =>
        shown.some((name) => complaintOf({ [field]: 'x' }, name)) ||
        parts.some((part) => within(plain(field), plain(part))),
    ),
  );
  return Object.entries(fields)
    .filter(([field]) => !homes.has(field))
    .map(([, message]) => sentence(message));
}

export function asFields(complaints: readonly Complaint[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const { field, message } of complaints) fields[field] = fields[field] ? `${fields[field]} ${message}` : message;
  return fields;
}

/** With a capital and a full stop, as a sentence that stands alone. */
export function sentence(text: string): string {
  if (!text) return '';
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** With a full stop, the first letter as it is: it may begin with somebody's name. */
export function ended(text: string): string {
  return !text || /[.!?…]$/.test(text) ? text : `${text}.`;
}

function within(field: string, part: string): boolean {
  return field === part || field.startsWith(`${part}.`);
}

function plain(name: string): string {
  return name
    .replaceAll('_', '')
    .replace(/\[(\d+)\]/g, '.$1')
    .toLowerCase();
}
