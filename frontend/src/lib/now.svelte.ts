import { createSubscriber } from 'svelte/reactivity';

let current = Date.now();
const subscribe = createSubscriber((update) => {
  current = Date.now();
  const timer = setInterval(() => {
    current = Date.now();
    update();
  }, 1000);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970, once a second, for what reads `now()` while it is drawn. */
export function now(): number {
  subscribe();
  return current;
}
