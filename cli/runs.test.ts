import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';

let stack: TestStack;
let folder: string;
let file: string;

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  folder = await mkdtemp(join(tmpdir(), 'f2c-cli-'));
  file = join(folder, 'small.yaml');
  await writeFile(file, pipeline);
  for (const person of ['ann', 'bob', 'cyd']) await writeImages(person);
}, 120_000);

afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

const pipeline = `
name: small
summary: Reads a folder
params:
  source: { type: string }
  test: { type: integer, minimum: 0, default: 10 }
steps:
  faces: { uses: ingest, with: { source: "\${{ params.source }}", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ params.test }}" } }
`;

async function writeImages(person: string): Promise<void> {
  await mkdir(join(folder, 'faces', person), { recursive: true });
  for (let i = 0; i < 3; i++) {
    const background = { r: 60 * i, g: person.charCodeAt(0), b: 120 };
    const image = sharp({ create: { width: 40, height: 40, channels: 3, background } });
    await writeFile(join(folder, 'faces', person, `${i}.png`), await image.png().toBuffer());
  }
}

it('says once why a run failed, and goes on with another param', async () => {
  const source = join(folder, 'faces');
  const failed = await f2c(stack.env, 'run', file, '--param', `source=${source}`);
  expect(failed.code).toBe(1);
  const run = /^Run (\S+)/m.exec(failed.stderr)?.[1] ?? '';
  const [, told = ''] =
    /^F2C_RUN_FAILED: Step people failed with F2C_TOO_FEW_IDENTITIES: (.*?\.) /m.exec(failed.stderr) ?? [];
  expect(told).toContain('3 identities');
  expect((failed.stdout + failed.stderr).split(told)).toHaveLength(2);
  expect(failed.stdout).toContain('1 done, 1 failed; 0 from the store.');
  expect(failed.stderr).toContain(
    `go on with \`npx f2c resume ${run}\`; \`--param name=value\` changes a param;`,
  );

  const wrong = await f2c(stack.env, 'resume', run, '--param', 'tset=0', '--param', 'test=1.5');
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toMatch(/^F2C_PARAMS_INVALID: The params do not fit the pipeline small:/);
  expect(wrong.stderr).toContain('`tset` is not a param. Did you mean `test`?');
  expect(wrong.stderr).toContain('`test` must be a whole number, not 1.5');

  const resumed = await f2c(stack.env, 'resume', run, '--param', 'test=0');
  expect(resumed.code).toBe(0);
  expect(resumed.stderr).toMatch(/^test 10 -> 0\n1 step reused, 1 to run \(time unknown\)\.\nRun small-/);
  expect(resumed.stdout).toContain('2 done; 1 from the store.');
  const next = /^Run (\S+)/m.exec(resumed.stderr)?.[1] ?? '';
  const { stdout: shown } = await f2c(stack.env, 'show', next);
  expect(shown).toContain(`\nParams     source=${source}  test=0\n`);
  expect(shown).toContain(`\nResumes    ${run}, test 10 -> 0\n`);

  const done = await f2c(stack.env, 'resume', next);
  expect(done.stderr).toMatch(
    `F2C_RUN_NOT_RESUMABLE: The run ${next} is done, so there is nothing to resume.`,
  );

  const { stdout: runs } = await f2c(stack.env, 'list');
  expect(runs).toMatch(
    new RegExp(
      `^Run +Pipeline +Status +Started \\(UTC\\) +Time +Resumes\n${next} +small +done .* ${run}\n${run} +small +failed `,
    ),
  );
  const { stdout: artifacts } = await f2c(stack.env, 'artifact', 'list', 'dataset');
  expect(artifacts).toMatch(
    new RegExp(`^Key +Kind +Step +Size +Made \\(UTC\\) +Run\n\\w{12} +dataset +faces .* ${run}\n$`),
  );
}, 180_000);

it('watches a run that somebody else has started, to the same end', async () => {
  const args = ['--param', `source=${join(folder, 'faces')}`, '--param', 'test=0'];
  const { stdout: run } = await f2c(stack.env, 'run', file, '--detach', ...args);
  const watched = await f2c(stack.env, 'watch', run.trim());
  expect(watched).toMatchObject({ code: 0, stderr: expect.stringMatching(`^Run ${run}`) });
  expect(watched.stdout).toMatch(/\ndone in .*: 2 done; \d from the store\.\n/);
  const again = JSON.parse((await f2c(stack.env, 'watch', run.trim(), '--json')).stdout);
  expect(again).toMatchObject({ run: run.trim(), status: 'done' });
  expect((await f2c(stack.env, 'watch', 'nobody')).stderr).toMatch(/^F2C_RUN_UNKNOWN: /);
}, 180_000);

it.each([
  [
    '7a7a7a',
    'No artifact has a key that begins with 7a7a7a. `npx f2c artifact list` shows the keys; a digest is not a key.',
  ],
  [
    'train',
    '"train" is not the key of an artifact. Give its first six hex digits or more; `npx f2c artifact list` shows the keys.',
  ],
])('an artifact %s that there is not is one sentence', async (key, text) => {
  expect((await f2c(stack.env, 'artifact', 'show', key)).stderr).toBe(`F2C_ARTIFACT_UNKNOWN: ${text}\n`);
});

it('a schedule is applied from a shipped pipeline by its name', async () => {
  const { stdout } = await f2c(stack.env, 'schedule', 'apply', 'weekly');
  expect(stdout).toMatch(/^Created the schedule of weekly: /);
});
