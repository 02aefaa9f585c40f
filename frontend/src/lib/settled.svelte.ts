/** A text that changes often, once it has stood still for so many milliseconds. Call it while a component is set up. */
export function settled(read: () => string, pause: number): () => string {
  let value = $state(read());
  $effect(() => {
    const next = read();
    const timer = setTimeout(() => {
      value = next;
    }, pause);
    return () => clearTimeout(timer);
  });
  return () => value;
}
