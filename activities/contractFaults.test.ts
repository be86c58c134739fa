import { expect, test } from 'vitest';
import { z } from 'zod';
import { artifact, artifacts, metric } from '../language/contract/step.ts';
import { contractFaults } from './contractFaults.ts';

const contract = {
  name: 'density',
  version: 1,
  summary: 'Tells something.',
  params: z.strictObject({ least: z.int() }),
  inputs: { dataset: artifact('dataset') },
  outputs: { report: artifact('report'), density: metric('images') },
  queue: 'data',
  timeout: '10m',
  heartbeat: '30s',
};

test('a contract that is right has no faults', () => {
  expect(contractFaults(contract)).toEqual([]);
  expect(contractFaults({ ...contract, params: contract.params.refine(() => true), effect: true })).toEqual(
    [],
  );
});

const report = artifact('report');
const kinds = "KIND one of 'dataset', 'index', 'checkpoint', 'model', 'report', 'receipt'";
test.each([
  [{ version: '1' }, '`version` must be a whole number from 1'],
  [{ params: { least: 3 } }, '`params` must be made by z.strictObject({ … })'],
  [
    { params: z.strictObject({ least: 3 as never }) },
    '`params.least` must be a type of zod, such as z.number()',
  ],
  [{ params: z.strictObject({ dataset: z.string() }) }, '`dataset` is both a param and an input'],
  [{ inputs: undefined }, '`inputs` is missing; it must be an object, {} if it reads none'],
  [
    { inputs: { dataset: 'dataset' } },
    `\`inputs.dataset\` must be artifact(KIND), optionalArtifact(KIND) or artifacts(KIND), ${kinds}`,
  ],
  [
    { outputs: { report: artifact('repot' as never) } },
    `\`outputs.report\` must be artifact(KIND), ${kinds}, or metric(UNIT)`,
  ],
  [
    { outputs: { report, reports: artifacts('report') } },
    `\`outputs.reports\` must be artifact(KIND), ${kinds}, or metric(UNIT)`,
  ],
  [
    { outputs: { density: metric('images') } },
    "`outputs` must have exactly one artifact, such as report: artifact('report'), not 0",
  ],
  [
    { outputs: { report, other: report } },
    "`outputs` must have exactly one artifact, such as report: artifact('report'), not 2",
  ],
  [{ queue: 'control' }, "`queue` must be 'data' or 'gpu'"],
  [{ timeout: 600 }, "`timeout` must be a duration such as '10m'"],
  [{ effect: 'yes' }, '`effect` must be true or left out'],
  [{ ouputs: {} }, '`ouputs` is not a known key; did you mean `outputs`?'],
  [{ name: 'fingerprint' }, '`name` must not be fingerprint, which is taken'],
])('%j is told', (change, fault) => {
  expect(contractFaults({ ...contract, ...change })).toContain(fault);
});
