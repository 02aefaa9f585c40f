import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const backend = 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: '../backend/century/console',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy refuses data: fonts and scripts
    modulePreload: { polyfill: false }, // the polyfill would be an inline script
    chunkSizeWarningLimit: 4096, // the editor of GraphiQL is large and loaded on its own page alone
    rolldownOptions: {
      input: { index: 'index.html', graphiql: 'graphiql.html' },
      // "use client" means nothing here, and a thousand warnings hide the one that matters.
      onLog: (level, log, say) => log.code === 'MODULE_LEVEL_DIRECTIVE' || say(level, log),
    },
  },
  worker: { format: 'es' },
  server: {
    proxy: {
      '/graphql': { target: backend, ws: true },
      '/auth': backend,
    },
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
