/** Where the reader is: path and query of the address, which hold all the state that a link should carry. */
class Route {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));

  constructor() {
    addEventListener('popstate', () => this.#read());
  }

  go(address: string, { replace = false } = {}): void {
    const url = new URL(address, location.href);
    if (url.href === location.href) return;
    const turned = url.pathname !== location.pathname;
    history[replace ? 'replaceState' : 'pushState'](null, '', url);
    this.#read();
    if (turned) scrollTo(0, 0);
  }

  /** The last part of the path, unescaped: what a page for one of many shows. */
  get last(): string {
    const part = this.path.slice(this.path.lastIndexOf('/') + 1);
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  }

  /** Sets or (null) removes parameters and leaves the others. */
  set(changes: Record<string, string | null>, options: { replace?: boolean } = {}): void {
    this.go(this.with(location.pathname, changes), options);
  }

  /** An address on the same origin that keeps this page's parameters but for the changes. */
  with(path: string, changes: Record<string, string | null> = {}): string {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes))
      if (value === null) query.delete(name);
      else query.set(name, value);
    // A range reads better unescaped, and colons are allowed in a query.
    const text = query.toString().replaceAll('%3A', ':');
    return text ? `${path}?${text}` : path;
  }

  #read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }
}

export const route = new Route();

/** Left clicks on links inside the console turn the page without loading it again. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link || link.target || link.hasAttribute('download') || link.dataset.reload !== undefined) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || (url.hash && url.pathname === location.pathname)) return;
  event.preventDefault();
  route.go(url.href);
}
