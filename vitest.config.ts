import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Native modules and servers: one process a file, and no more of them than a small machine bears.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    exclude: ['**/node_modules/**', '.venv/**', '.f2c/**'],
  },
});
