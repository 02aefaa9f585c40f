import type { Known, Me } from './queries.ts';

/** What every page may ask of the shell: who looks, and which services there are. */
class World {
  me = $state.raw<Me | null>(null);
  services = $state.raw<readonly Known[]>([]);
  again: () => void = () => undefined;

  may(permission: Me['permissions'][number]): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }
}

export const world = new World();
