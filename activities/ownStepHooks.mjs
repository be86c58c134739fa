import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Hooks of Node's loader, in a thread of its own, for the folder of F2C_STEPS: its TypeScript is loaded as modules,
 * whatever a `package.json` says or does not, and what is not found from there is looked for from here, such as
 * `f2c/step`.
 */
let folder;
let here;
/** The modules of the folder, and what they import by relative paths. */
const own = new Set();

export function initialize(data) {
  ({ folder, here } = data);
}

export async function resolve(specifier, context, next) {
  const isImportedByOwn = own.has(context.parentURL);
  if (specifier.startsWith(folder) || (isImportedByOwn && specifier.startsWith('.'))) {
    const url = sourceOf(new URL(specifier, context.parentURL));
    if (url === undefined) return next(specifier, context);
    own.add(url);
    return { url, format: 'module', shortCircuit: true };
  }
  if (!isImportedByOwn) return next(specifier, context);
  try {
    return await next(specifier, context);
  } catch (error) {
    return next(specifier, { ...context, parentURL: here }).catch(() => {
      throw error;
    });
  }
}

/** The TypeScript file that is meant, with its ending, without it, or with the one it would be compiled to. */
function sourceOf(url) {
  const path = fileURLToPath(url);
  const found = [path, `${path}.ts`, path.replace(/\.js$/, '.ts')].find(
    (each) => each.endsWith('.ts') && existsSync(each),
  );
  return found && pathToFileURL(realpathSync(found)).href;
}
