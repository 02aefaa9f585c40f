// Runs before the first paint, so that a dark console does not flash white.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem('century.theme');
  } catch {
    // Storage may be forbidden; the system's theme is then the answer.
  }
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
