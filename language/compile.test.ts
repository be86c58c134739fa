import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { compile } from './compile.ts';
import type { Plan } from './plan/plan.ts';
import { header, planOf, registry } from './testing.ts';

function shipped(name: string): string {
  return readFileSync(new URL(`../pipelines/${name}.yaml`, import.meta.url), 'utf8');
}

function stepOf(plan: Plan, id: string) {
  return plan.steps.find((step) => step.id === id);
}

const oneStep = (entries: string): string =>
  `${header}steps:\n  a:\n    uses: ingest\n    with: { source: x }\n${entries}`;

test.each(['quickstart', 'att-folds'])('the plan of %s', async (name) => {
  const plan = planOf(shipped(name));
  await expect(stringify(plan, { aliasDuplicateObjects: false })).toMatchFileSnapshot(
    `golden/${name}.plan.yaml`,
  );
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
});

describe('a plan', () => {
  test('holds name, summary, source and params', () => {
    const text = `${header}params: { n: { type: integer, default: 1 }, m: { type: integer } }\nsteps: { a: { uses: ingest, with: { source: x } } }`;
    const { steps, ...rest } = planOf(text, { m: 2 });
    expect(rest).toEqual({
      planVersion: 1,
      name: 'example',
      summary: 'An example',
      source: 'digest',
      params: { n: 1, m: 2 },
    });
    expect(steps).toHaveLength(1);
  });

  test('says how many runs of the pipeline may go on at a time, where the file does', () => {
    const text = (entry: string) => `${header}${entry}steps: { a: { uses: ingest, with: { source: x } } }`;
    expect(planOf(text('concurrency: 2\n')).concurrency).toBe(2);
    expect(planOf(text(''))).not.toHaveProperty('concurrency');
  });

  test('takes from the contract what the file leaves out', () => {
    expect(stepOf(planOf(oneStep('')), 'a')).toEqual({
      id: 'a',
      uses: 'ingest',
      version: registry.ingest?.version,
      summary: registry.ingest?.summary,
      needs: [],
      axes: [],
      with: {
        source: { literal: 'x' },
        imageSize: { literal: 112 },
        fit: { literal: 'cover' },
        quality: { literal: 95 },
        shardMiB: { literal: 64 },
      },
      inputs: [],
      output: { name: 'dataset', kind: 'dataset' },
      metrics: ['identities', 'instances', 'rejected'],
      fingerprint: true,
      queue: 'data',
      timeoutMs: 7 * 86_400_000,
      heartbeatMs: 30_000,
      retry: { attempts: 3, backoffMs: 10_000, factor: 2, maxBackoffMs: 300_000 },
    });
  });

  test('takes from the file what it says', () => {
    const entries =
      '    summary: Mine\n    timeout: 90m\n    resources: { queue: big-disk }\n    retry: { attempts: 5, backoff: 1m, factor: 1.5, maxBackoff: 1h }\n';
    expect(stepOf(planOf(oneStep(entries)), 'a')).toMatchObject({
      summary: 'Mine',
      timeoutMs: 5_400_000,
      queue: 'big-disk',
      retry: { attempts: 5, backoffMs: 60_000, factor: 1.5, maxBackoffMs: 3_600_000 },
    });
  });

  test('says how many processes share the work where the file does', () => {
    const train = (resources: string) =>
      stepOf(
        planOf(
          `${header}steps:
  faces: { uses: ingest, with: { source: x } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
  train: { uses: train, ${resources}with: { index: "\${{ steps.people.index }}" } }
`,
        ),
        'train',
      );
    expect(train('resources: { processesPerNode: 2 }, ')).toEqual({ ...train(''), processesPerNode: 2 });
    expect(train('')).not.toHaveProperty('processesPerNode');
  });

  test('says how many instances are at work at a time where the file does', () => {
    const step = (entry: string) => stepOf(planOf(oneStep(`    matrix: { n: [1, 2] }\n${entry}`)), 'a');
    expect(step('    concurrency: 1\n')).toEqual({ ...step(''), concurrency: 1 });
    expect(step('')).not.toHaveProperty('concurrency');
  });

  test('never waits less between attempts than the first time', () => {
    expect(stepOf(planOf(oneStep('    retry: { backoff: 1h }\n')), 'a')?.retry).toEqual({
      attempts: 3,
      backoffMs: 3_600_000,
      factor: 2,
      maxBackoffMs: 3_600_000,
    });
  });

  test('is the same whether a default is written or not', () => {
    const written = planOf(oneStep('').replace('{ source: x }', '{ source: x, quality: 95 }'));
    const plain = stepOf(planOf(oneStep('')), 'a')?.with;
    expect(stepOf(written, 'a')?.with).toEqual(plain);
  });

  test('needs what references, `needs` and `each` name, once each', () => {
    const text = `${header}steps:
  faces: { uses: ingest, with: { source: x } }
  people: { uses: index, matrix: { seed: [1] }, with: { dataset: "\${{ steps.faces.dataset }}" } }
  train: { uses: train, each: people, needs: [faces, people], with: { index: "\${{ steps.people.index }}" } }
`;
    expect(stepOf(planOf(text), 'train')?.needs).toEqual(['faces', 'people']);
  });
});

test('problems of the file come before those of the params', () => {
  const compiled = compile({ text: oneStep('    nope: 1\n'), digest: 'd' }, { x: 1 }, registry);
  expect(compiled).toEqual({
    problems: [{ line: 7, column: 5, length: 4, message: '`nope` is not a key of a step' }],
  });
});
