import { link, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { openStore } from '../../../artifacts/store.ts';
import type { Progress, StepContext } from '../../step.ts';

/** What a step is given, with the files of its input artifacts in `folder`/<kind>; `told` collects its progress. */
export async function localStep(folder: string): Promise<StepContext & { told: Progress[] }> {
  const workDir = join(folder, 'work');
  await mkdir(workDir, { recursive: true });
  const told: Progress[] = [];
  return {
    key: '0'.repeat(64),
    run: 'test',
    pipeline: 'test',
    instance: 'test',
    written: {},
    store: openStore({}),
    workDir,
    processes: 1,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
    open: async (artifact, file) => join(folder, artifact.kind, file),
    link: (artifact, file, path) => link(join(folder, artifact.kind, file), path),
    cacheBytes: Number.POSITIVE_INFINITY,
    progress: (progress) => told.push(progress),
    told,
  };
}
