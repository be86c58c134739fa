import { hostname, userInfo } from 'node:os';
import {
  type AppliedVersion,
  appliedNames,
  appliedVersions,
  applyPipeline,
  latestApplied,
} from '../../activities/applied.ts';
import { findPipeline } from '../../activities/pipelines.ts';
import { contracts } from '../../activities/registry.ts';
import { readSource } from '../../activities/reuse.ts';
import { shippedNames, shippedSource } from '../../activities/shipped.ts';
import { usedPipelines, usedShipped } from '../../activities/usedPipelines.ts';
import { type ArtifactStore, openStore } from '../../artifacts/store.ts';
import { readPipeline } from '../../language/check.ts';
import { pipelineFile } from '../files.ts';
import { type OutputOptions, print } from '../output.ts';
import { withServers } from '../servers.ts';
import { columns } from '../text.ts';

export async function apply(file: string, options: OutputOptions): Promise<void> {
  const source = await pipelineFile(file);
  readSource(source, await usedShipped(source));
  await withServers({ start: false }, async ({ env }) => {
    const store = openStore(env);
    await store.ensureBucket();
    const { name, summary } = readSource(source, await usedPipelines(store, source));
    const { applied, created } = await applyPipeline(store, {
      name,
      summary,
      by: whoAmI(),
      text: source.text,
    });
    const text = created
      ? `Applied ${name} as version ${applied.version}. \`npx f2c run ${name}\` runs it.`
      : `${name} is applied already as version ${applied.version}.`;
    print(options, { ...applied, created }, text);
  });
}

export function list(name: string | undefined, options: OutputOptions): Promise<void> {
  return withServers({ start: false }, async ({ env }) => {
    const store = openStore(env);
    const pipelines = name === undefined ? await newest(store) : await versionsOf(store, name);
    const rows = pipelines.map(({ name, version, at, by, summary }) => [
      name,
      version === null ? 'shipped' : String(version),
      at?.slice(0, 19).replace('T', ' ') ?? '',
      by ?? '',
      summary,
    ]);
    const hidden = pipelines.filter(({ isHidden }) => isHidden).map((pipeline) => pipeline.name);
    const note = hidden.length === 0 ? [] : ['', `Applied instead of shipped: ${hidden.join(', ')}.`];
    const table = columns([['Pipeline', 'Version', 'Applied (UTC)', 'By', 'Summary'], ...rows]);
    const told = pipelines.flatMap(({ outputs = {} }) => Object.entries(outputs));
    const used = told.length === 0 ? [] : ['', 'What other pipelines may use of it:', columns(told)];
    print(options, pipelines, [table, ...note, ...used].join('\n'));
  });
}

type Listed = Pick<AppliedVersion, 'name' | 'summary'> & {
  /** Null of a shipped pipeline. */
  version: number | null;
  digest?: string;
  at?: string;
  by?: string;
  /** Whether a shipped pipeline has the same name, which stands for this one now. */
  isHidden?: boolean;
  /** What others may use of it; only of the version that a single name stands for. */
  outputs?: Record<string, string>;
};

/** What the names of pipelines stand for. */
async function newest(store: ArtifactStore): Promise<Listed[]> {
  const [applied, shipped] = [await appliedNames(store), await shippedNames()];
  const names = [...new Set([...applied, ...shipped])].sort();
  return Promise.all(
    names.map(async (name) => {
      const version = await latestApplied(store, name);
      if (version === undefined) return shippedOne(store, name);
      return { ...version, ...(shipped.includes(name) && { isHidden: true }) };
    }),
  );
}

async function versionsOf(store: ArtifactStore, name: string): Promise<Listed[]> {
  const source = await findPipeline(store, name);
  const versions: Listed[] = (await appliedVersions(store, name)).reverse();
  const isShipped = (await shippedNames()).includes(name);
  const [newest, ...others] = isShipped ? [...versions, await shippedOne(store, name)] : versions;
  if (newest === undefined) return [];
  // An old file may be wrong by now, and is listed all the same.
  const read = readPipeline(source.text, contracts, await usedPipelines(store, source));
  const outputs = 'pipeline' in read ? read.pipeline.outputs : undefined;
  return [{ ...newest, ...(outputs && { outputs }) }, ...others];
}

async function shippedOne(store: ArtifactStore, name: string): Promise<Listed> {
  const source = await shippedSource(name);
  const { summary } = readSource(source, await usedPipelines(store, source));
  return { name, version: null, summary };
}

function whoAmI(): string {
  return `${userName()}@${hostname()}`;
}

/** A user of a container may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
