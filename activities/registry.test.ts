import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { artifactOutput } from '../language/contract/step.ts';
import { durationMs } from '../language/grammar/duration.ts';
import { root } from '../local/paths.ts';
import { f2c } from '../test/support/cli.ts';
import { codeDigest } from './code.ts';
import { contracts, loadImplementation } from './registry.ts';

it('has one step kind a folder', () => {
  expect(Object.keys(contracts)).toEqual([
    'compare',
    'evaluate',
    'export',
    'index',
    'ingest',
    'notify',
    'train',
  ]);
});

describe.each(Object.values(contracts).map((contract) => [contract.name, contract] as const))(
  '%s',
  (name, contract) => {
    it('is implemented as its contract says', async () => {
      const implementation = await loadImplementation(name);
      expect(implementation.contract).toBe(contract);
      expect(implementation.fingerprint !== undefined).toBe(contract.fingerprint === true);
    });

    it('makes exactly one artifact, and its durations are durations', () => {
      expect(Object.values(contract.outputs).filter(({ port }) => port === 'artifact')).toHaveLength(1);
      expect(artifactOutput(contract).kind).toBeTypeOf('string');
      expect(durationMs(contract.timeout)).toBeGreaterThan(0);
      expect(durationMs(contract.heartbeat)).toBeGreaterThan(0);
    });

    it('describes every param', () => {
      for (const [param, schema] of Object.entries(contract.params.shape)) {
        const { description } = schema as { description?: string };
        expect(description, `${name}.${param}`).toBeTypeOf('string');
      }
    });

    it('has a digest of its code', () => {
      expect(codeDigest(name)).toMatch(/^[0-9a-f]{16}$/);
    });
  },
);

describe('F2C_STEPS', () => {
  const reference = (folder: string) => f2c({ F2C_STEPS: folder }, 'reference');

  it('adds the step kinds of a folder', async () => {
    const { stdout } = await reference(join(root, 'test', 'steps'));
    expect(stdout).toContain('### tally');
    expect(stdout).toContain('### train');
  });

  it.each([
    ['steps', 'is not an absolute path'],
    ['/no/steps', 'does not exist'],
    [join(root, 'activities'), 'has a step kind compare, which is shipped already'],
  ])('%s is refused', async (folder, what) => {
    const { code, stderr } = await reference(folder);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `F2C_CONFIG_INVALID: The folder of F2C_STEPS, ${folder}, ${what}. Give a folder of step kinds, each a folder ` +
        'with contract.ts and activity.ts, or leave it out.\n',
    );
  });
});
