import type { Snippet } from 'svelte';
import type { Known, Me } from './queries.ts';

/** What every page may ask of the shell: who looks, and which services there are. */
class World {
  me = $state.raw<Me | null>(null);
  services = $state.raw<readonly Known[]>([]);
  /** what a page for one of many calls the one it shows; null while it does not know */
  subject = $state<string | null>(null);
  /** buttons a page puts into the bar */
  tools = $state.raw<Snippet | null>(null);
  again: () => void = () => undefined;

  may(permission: Me['permissions'][number]): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }
}

export const world = new World();
