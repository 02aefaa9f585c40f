type Theme = 'light' | 'dark' | 'system';

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

/** What a person chose for this browser: looks only, never anything secret. */
class Settings {
  theme = $state<Theme>((read('century.theme') as Theme | null) ?? 'system');
  shortcuts = $state(read('century.shortcuts') !== 'off');
  /** whether a new critical alert may be heard */
  sound = $state(read('century.sound') === 'on');
  #dark = matchMedia('(prefers-color-scheme: dark)');
  #system = $state(this.#dark.matches);

  constructor() {
    this.#dark.addEventListener('change', (event) => {
      this.#system = event.matches;
      this.#apply();
    });
  }

  get shown(): 'light' | 'dark' {
    return this.theme === 'system' ? (this.#system ? 'dark' : 'light') : this.theme;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    write('century.theme', theme);
    this.#apply();
  }

  turn(): void {
    this.setTheme(this.shown === 'dark' ? 'light' : 'dark');
  }

  setShortcuts(on: boolean): void {
    this.shortcuts = on;
    write('century.shortcuts', on ? 'on' : 'off');
  }

  setSound(on: boolean): void {
    this.sound = on;
    write('century.sound', on ? 'on' : 'off');
  }

  #apply(): void {
    document.documentElement.dataset.theme = this.shown;
  }
}

export const settings = new Settings();
