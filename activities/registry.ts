import { join } from 'node:path';
import type { StepContract, StepRegistry } from '../language/contract/step.ts';
import { contractFaults } from './contractFaults.ts';
import type { StepImplementation } from './step.ts';
import { exportsOf, mistake, type StepFolder, stepFolders } from './stepFolders.ts';

const folders = stepFolders(process.env.F2C_STEPS);

/** Every step kind by name: a folder with a `contract.ts` is one. F2C_CONFIG_INVALID. */
export const contracts: StepRegistry = Object.fromEntries(
  await Promise.all(
    [...folders.keys()].sort().map(async (name) => [name, await loadContract(name)] as const),
  ),
);

/** Loads a step's work only when it is needed: image, database and inference libraries are heavy. F2C_CONFIG_INVALID. */
export function loadImplementation(name: string): Promise<StepImplementation> {
  const loaded = implementations.get(name) ?? importImplementation(name);
  implementations.set(name, loaded);
  return loaded;
}

/** Node finds a module anew at every import, which takes longer than a small step. */
const implementations = new Map<string, Promise<StepImplementation>>();

/** Says what is wrong with step kinds of the user's own before something is begun that needs them. F2C_CONFIG_INVALID. */
export async function checkOwnSteps(): Promise<void> {
  for (const [name, { isOwn }] of folders) if (isOwn) await loadImplementation(name);
}

/** Where the source of a step kind is. */
export function folderOf(name: string): string {
  return stepFolder(name).path;
}

function stepFolder(name: string): StepFolder {
  const folder = folders.get(name);
  if (folder === undefined) throw new Error(`no step kind is named ${name}`);
  return folder;
}

async function loadContract(name: string): Promise<StepContract> {
  const folder = stepFolder(name);
  const path = join(folder.path, 'contract.ts');
  const candidates = (await exportsOf('contract.ts', folder)).filter(isContract);
  const contract = candidates.find((each) => each.name === name) ?? candidates[0];
  if (contract === undefined)
    throw mistake(path, 'exports no step kind: `export const … = defineStep({ … })`');
  const faults = contractFaults({ ...contract });
  if (faults.length > 0) throw mistake(path, `defines a step kind that is not right: ${faults.join('; ')}`);
  if (contract.name !== name)
    throw mistake(path, `names its step kind ${contract.name}, and its folder is ${name}`);
  return contract;
}

/** Anything that is meant to be one, however wrong: other exports are the step kind's own business. */
function isContract(value: unknown): value is StepContract {
  return typeof value === 'object' && value !== null && ('outputs' in value || 'version' in value);
}

async function importImplementation(name: string): Promise<StepImplementation> {
  const folder = stepFolder(name);
  const path = join(folder.path, 'activity.ts');
  const contract = contracts[name] as StepContract;
  const isIt = (value: unknown) => (value as Partial<StepImplementation> | null)?.contract === contract;
  const found = (await exportsOf('activity.ts', folder)).find(isIt) as StepImplementation | undefined;
  if (found === undefined)
    throw mistake(
      path,
      `does not say how ${name} is done: \`export const … = implement(CONTRACT, async (…) => …)\``,
    );
  if (typeof found.work !== 'function')
    throw mistake(path, 'gives implement(CONTRACT, WORK) a WORK that is no function');
  if ((typeof found.fingerprint === 'function') !== (contract.fingerprint === true))
    throw mistake(
      path,
      contract.fingerprint
        ? 'gives implement(…) no fingerprint as its third argument, and its contract says `fingerprint`'
        : 'gives implement(…) a fingerprint as its third argument, and its contract does not say `fingerprint`',
    );
  return found;
}
