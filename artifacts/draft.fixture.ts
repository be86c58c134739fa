import { contentKey } from './canonical.ts';
import type { KeyParts } from './manifest.ts';
import type { Draft } from './store.ts';

export const datasetParts: KeyParts = {
  step: 'ingest',
  version: 1,
  params: { imageSize: 112, source: '/faces' },
  inputs: {},
  fingerprint: 'f'.repeat(64),
};

/** A dataset without files that differs from others by its key parts only. */
export function datasetDraft(changes: Partial<Draft> = {}): Draft {
  const from = changes.from ?? datasetParts;
  return {
    kind: 'dataset',
    key: contentKey(from),
    files: {},
    facts: { identities: 40 },
    metrics: { instances: 400 },
    measured: { seconds: 1.5 },
    madeBy: {
      step: 'ingest',
      version: 1,
      code: 'c'.repeat(64),
      run: 'run-1',
      at: '2026-01-02T03:04:05.000Z',
    },
    from,
    inputs: {},
    ...changes,
  };
}

export function madeByRun(run: string): Draft['madeBy'] {
  return { ...datasetDraft().madeBy, run };
}
