const BROWSERS: readonly [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/HeadlessChrome\/|Chrome\/|Chromium\//, 'Chrome'],
  [/Safari\//, 'Safari'],
  [/curl\//, 'curl'],
  [/python|httpx/i, 'Python'],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux|X11/, 'Linux'],
];

/** `Firefox on Linux`: enough to recognise one's own browser by. */
export function browserOf(agent: string | null): string {
  if (!agent) return 'Unknown client';
  const browser = BROWSERS.find(([pattern]) => pattern.test(agent))?.[1];
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  if (!browser) return agent.slice(0, 40);
  return system ? `${browser} on ${system}` : browser;
}

/** Whether this browser's keyboard has ⌘. */
export const APPLE = /^(Mac|iP)/.test(typeof navigator === 'undefined' ? '' : navigator.platform);
