let context: AudioContext | null = null;

/**
 * Two short falling notes, made here and now. Browsers let a page sound only after its reader touched it; until then
 * this does nothing.
 */
export function sound(): void {
  try {
    context ??= new AudioContext();
    if (context.state === 'suspended') void context.resume().catch(() => undefined);
    const start = context.currentTime + 0.03;
    for (const [at, pitch] of [
      [0, 880],
      [0.2, 659.25],
      [0.5, 880],
      [0.7, 659.25],
    ] as const)
      note(context, start + at, pitch);
  } catch {
    // A browser without sound still shows the alert.
  }
}

function note(audio: AudioContext, at: number, pitch: number): void {
  const voice = audio.createOscillator();
  const loudness = audio.createGain();
  voice.type = 'triangle';
  voice.frequency.value = pitch;
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(0.22, at + 0.015);
  loudness.gain.exponentialRampToValueAtTime(0.001, at + 0.19);
  voice.connect(loudness).connect(audio.destination);
  voice.start(at);
  voice.stop(at + 0.2);
}
