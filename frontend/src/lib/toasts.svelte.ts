interface Toast {
  id: number;
  tone: 'ok' | 'critical' | 'info';
  title: string;
  text: string;
  undo: (() => void) | null;
}

/** Short words about what just happened; they leave by themselves, those with an "Undo" later. */
class Toasts {
  shown = $state<Toast[]>([]);
  #next = 1;

  say(title: string, text = '', { tone = 'ok', undo = null }: Partial<Pick<Toast, 'tone' | 'undo'>> = {}): void {
    const id = this.#next++;
    this.shown = [...this.shown.slice(-2), { id, tone, title, text, undo }];
    setTimeout(() => this.drop(id), undo ? 9000 : 5000);
  }

  drop(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
