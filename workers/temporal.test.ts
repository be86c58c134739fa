import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import { searchAttributes } from '../workflows/attributes.ts';
import { ensureSearchAttributes } from './temporal.ts';

const keywordList = 7;
const namespace = 'default';

let stack: TestStack;
let connection: NativeConnection;

beforeAll(async () => {
  stack = await startTestStack({ workers: false });
  connection = await NativeConnection.connect({ address: stack.addresses.temporal });
}, 120_000);

afterAll(async () => {
  await connection.close();
  await stack.stop();
});

async function customNames(): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.keys(customAttributes).filter((name) => name.startsWith('f2c'));
}

const ours = searchAttributes.map(({ name }) => name);

it('adds what a server of your own lacks, and says what to add where it may not', async () => {
  expect((await customNames()).sort()).toEqual([...ours].sort());
  const missing = { namespace, searchAttributes: ['f2cState', 'f2cDataset', 'f2cModel'] };
  await connection.operatorService.removeSearchAttributes(missing);
  expect(await customNames()).toEqual(['f2cPipeline']);
  await ensureSearchAttributes(connection, namespace);
  expect((await customNames()).sort()).toEqual([...ours].sort());

  // A server with a SQL database has room for three lists of keywords.
  await connection.operatorService.removeSearchAttributes(missing);
  const others = Object.fromEntries(['one', 'two', 'three'].map((name) => [name, keywordList]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: others });
  await expect(ensureSearchAttributes(connection, namespace)).rejects.toMatchObject({
    code: 'F2C_TEMPORAL_REFUSED',
    parts: {
      what: expect.stringContaining('may not add the search attributes that the namespace default lacks: '),
      fix:
        'Let someone add them who may: temporal operator search-attribute create --namespace default ' +
        '--name f2cState --type Keyword --name f2cDataset --type KeywordList --name f2cModel --type KeywordList',
    },
  });
});
