#!/usr/bin/env node
import { existsSync } from 'node:fs';

// Runs on what a fresh clone has: only when the packages are there can TypeScript be loaded.
if (!existsSync(new URL('../node_modules/tsx', import.meta.url))) {
  console.error('F2C_SETUP_FAILED: The packages are not installed. Run `npm run setup` first.');
  process.exit(1);
}
// Versions are pinned; the warning that later ones need Node 22 is for us, not for users.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const { register } = await import('tsx/esm/api');
register();
await import('./main.ts');
