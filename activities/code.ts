import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderOf } from './registry.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Digest of the source that makes a step's output: its own folder, what all steps share and, for the steps
 * that run it, the trainer. It is recorded in the lineage; it does not enter the content key (the contract's version does).
 */
export function codeDigest(step: string): string {
  const known = digests.get(step);
  if (known !== undefined) return known;
  const folders = [folderOf(step)];
  if (step === 'train' || step === 'export') folders.push(join(root, 'trainer', 'f2c_trainer'));
  const shared = readdirSync(join(root, 'activities')).filter(isSource);
  const files = [...folders.flatMap(sourceFiles), ...shared.map((name) => join(root, 'activities', name))];
  const hash = createHash('sha256');
  for (const file of files.sort()) {
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  const digest = hash.digest('hex').slice(0, 16);
  digests.set(step, digest);
  return digest;
}

const digests = new Map<string, string>();

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(isSource)
    .map((name) => join(folder, name));
}

function isSource(name: string): boolean {
  return /\.(ts|py)$/.test(name) && !name.endsWith('.test.ts');
}
