// node_modules, as package-lock.json has it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, step } from './setup-steps.mjs';

/** npm writes down what it has installed when it is done; an interrupted install leaves no such record. */
export function nodePackagesAreCurrent() {
  const wanted = packagesIn(join(root, 'package-lock.json'));
  const installed = packagesIn(join(root, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    // Optional packages are those of other platforms.
    return found === undefined ? optional === true : found.version === version;
  });
}

export async function installNodePackages() {
  await step('Installing the Node packages', 'npm', ['ci', '--no-audit', '--no-fund'], {
    ...process.env,
    // Otherwise its install script downloads CUDA libraries, which nothing here uses.
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  });
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return {};
  }
}
