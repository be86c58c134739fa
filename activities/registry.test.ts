import { describe, expect, it } from 'vitest';
import { durationMs } from '../language/duration.ts';
import { artifactOutput } from '../language/step.ts';
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
