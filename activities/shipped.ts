import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../artifacts/canonical.ts';
import { F2cError } from '../errors/failure.ts';
import { nearest } from '../language/text/nearest.ts';

const folder = fileURLToPath(new URL('../pipelines/', import.meta.url));
const ending = '.yaml';

/** Names of the pipelines of the folder `pipelines/`. */
export async function shippedNames(): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(ending));
  return files.map((file) => file.slice(0, -ending.length)).sort();
}

/** A shipped pipeline by its name; F2C_PIPELINE_UNKNOWN, which names `others` that there are as well. */
export async function shippedPipeline(
  name: string,
  others: string[] = [],
): Promise<{ text: string; file: string }> {
  const shipped = await shippedNames();
  if (!shipped.includes(name)) {
    const names = [...new Set([...shipped, ...others])].sort();
    const meant = nearest(name, names);
    throw new F2cError('F2C_PIPELINE_UNKNOWN', {
      what: `No pipeline is named "${name}"`,
      fix: meant === undefined ? `There are: ${names.join(', ')}` : `Did you mean "${meant}"?`,
    });
  }
  return { text: await readFile(`${folder}${name}${ending}`, 'utf8'), file: `pipelines/${name}${ending}` };
}

/** A shipped pipeline with the digest that its text has as a blob. */
export async function shippedSource(
  name: string,
): Promise<{ text: string; file: string; name: string; digest: string }> {
  const { text, file } = await shippedPipeline(name);
  return { text, file, name: file, digest: sha256(text) };
}
