import { describe, expect, it } from 'vitest';
import { hasLines, labelsOf, nameOf, settingsOf } from './forms.ts';

const fields = [
  { name: 'url', type: 'TEXT', default: null },
  { name: 'method', type: 'CHOICE', default: 'GET' },
  { name: 'password', type: 'SECRET', default: null },
] as const;

describe('the settings that are sent', () => {
  it('of a new probe are all that were filled in', () =>
    expect(settingsOf(fields, { url: ' http://a ', method: 'GET', password: '' }, null)).toEqual([
      { name: 'url', value: 'http://a' },
      { name: 'method', value: 'GET' },
    ]));
  it('of a stored one are those that changed; a secret that was not touched is left out', () =>
    expect(settingsOf(fields, { url: 'http://b', method: 'GET' }, { url: 'http://a' })).toEqual([
      { name: 'url', value: 'http://b' },
    ]));
  it('hold an empty value where one is cleared', () =>
    expect(settingsOf(fields, { url: '' }, { url: 'http://a' })).toEqual([{ name: 'url', value: '' }]));
  it('hold a secret as it was typed', () =>
    expect(settingsOf(fields, { password: ' x ' }, {})).toEqual([{ name: 'password', value: ' x ' }]));
});

describe('the name of a new probe', () => {
  it.each([
    [
      { url: 'postgresql://monitor:secret@db.example.com:5432/app' },
      '',
      'app at db.example.com',
      'a database by its name and host, never with what opens it',
    ],
    [
      { url: 'postgresql://db.example.com:6432' },
      '',
      'db.example.com:6432',
      'with its port where that is not the usual one',
    ],
    [{ url: 'https://api.example.com/health?key=1' }, '', 'api.example.com', 'a website by its host'],
    [{ url: 'https://shop.example.com/' }, '', 'shop.example.com 2', 'apart from one that there is'],
    [{ host: 'queue', port: '5672' }, '', 'queue:5672', 'a host with its port'],
    [{ name: 'www.example.com' }, '', 'www.example.com', 'a name that is looked up'],
    [{ folder: '/var/backups' }, '', '/var/backups', 'a folder'],
    [{}, 'worker-1', 'worker-1', 'a machine'],
    [{ url: 'https://' }, '', '', 'nothing while nothing is known'],
  ])('%#: %s %s %s (%s)', (settings, runsOn, name, _why) =>
    expect(nameOf(settings as Record<string, string>, runsOn, ['shop.example.com'])).toBe(name),
  );
});

describe('labels', () => {
  it('are one a line', () =>
    expect(labelsOf('team = shop\n\nurl=a=b\nbare')).toEqual([
      { key: 'team', value: 'shop' },
      { key: 'url', value: 'a=b' },
      { key: 'bare', value: '' },
    ]));
});

describe('a secret', () => {
  it.each([
    ['of several lines', 'One a line; sent to this address alone.', true],
    ['of one', 'The password of that user.', false],
  ])('%s', (_, help, lines) => expect(hasLines({ type: 'SECRET', help })).toBe(lines));
});
