import { untrack } from 'svelte';
import { settings } from './settings.svelte.ts';

export interface Shortcut {
  keys: string;
  label: string;
  run: () => void;
}

/** How long the second key of `g o` may take. */
const PATIENCE = 1200;

class Keys {
  known = $state.raw<Shortcut[]>([]);
  #first = '';
  #since = 0;

  /** Adds shortcuts for as long as a component stands: `$effect(() => keys.add([...]))`. */
  add(shortcuts: Shortcut[]): () => void {
    untrack(() => {
      this.known = [...this.known, ...shortcuts];
    });
    return () => {
      this.known = untrack(() => this.known).filter((shortcut) => !shortcuts.includes(shortcut));
    };
  }

  press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.altKey || event.isComposing) return;
    const palette = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k';
    if (!palette && (event.metaKey || event.ctrlKey || !settings.shortcuts || typing(event.target))) return;
    if (!palette && document.querySelector('dialog[open]')) return;
    const key = palette ? 'mod k' : event.key;
    const pair = Date.now() - this.#since < PATIENCE ? `${this.#first} ${key}` : '';
    const found =
      this.known.findLast((shortcut) => shortcut.keys === pair) ??
      this.known.findLast((shortcut) => shortcut.keys === key);
    this.#first = found ? '' : key;
    this.#since = Date.now();
    if (!found) return;
    event.preventDefault();
    found.run();
  }
}

function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return Boolean(element?.closest?.('input, textarea, select, [contenteditable="true"]'));
}

export const keys = new Keys();
