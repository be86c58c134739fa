import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../local/paths.ts';

/** Writes the files that docs/own-steps.md shows into a folder, as its reader would. */
export function writeExample(folder: string): { steps: string; pipeline: string } {
  const page = readFileSync(join(root, 'docs', 'own-steps.md'), 'utf8');
  for (const [, name = '', text = ''] of page.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return { steps: join(folder, 'steps'), pipeline: join(folder, 'density.yaml') };
}
