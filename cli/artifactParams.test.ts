import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { stepOf } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';

withStack();

const making = `
name: making
summary: Splits faces
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
`;

const taking = `
name: taking
summary: Measures a split that is there
params:
  split: { type: artifact, kind: index, title: Split }
  broken: { type: boolean, default: false }
steps:
  pixels: { uses: evaluate, with: { index: "\${{ params.split }}", embedding: pixels, label: pixels } }
  late:
    uses: evaluate
    when: "\${{ 1 / (params.broken ? 0 * steps.pixels.accuracy : 1) > 0 }}"
    with: { index: "\${{ params.split }}", embedding: pixels, label: late, seed: 1 }
`;

it('a run begins with an artifact of another run, and a resume with the very same one', async () => {
  const { key = '', artifact } = stepOf(await runs.ended(await runs.start(making)), 'people');
  const file = join(folder, 'taking.yaml');
  await writeFile(file, taking);
  const ran = (...params: string[]) =>
    f2c(stack.env, 'run', file, '--json', ...params.flatMap((param) => ['--param', param]));

  const failed = await ran(`split=${key.slice(0, 12)}`, 'broken=true');
  expect(failed.code).toBe(1);
  const { run, params, steps } = JSON.parse(failed.stdout);
  expect(params).toEqual({ split: key, broken: true });
  expect(steps[0]).toMatchObject({ id: 'pixels', status: 'done' });
  expect((await runs.store.load(steps[0].artifact)).inputs.index).toEqual(artifact);

  const resumed = await f2c(stack.env, 'resume', run, '--param', 'broken=false', '--json');
  expect(resumed.code).toBe(0);
  const state = JSON.parse(resumed.stdout);
  expect(state.params).toEqual({ split: key, broken: false });
  expect(state.steps[0].cache).toMatch(/^hit: /);

  const refused = await ran('split=f00000000000');
  expect(refused.stderr).toContain('F2C_PARAMS_INVALID');
  expect(refused.stderr).toContain('No artifact has a key that begins with f00000000000');
}, 180_000);
