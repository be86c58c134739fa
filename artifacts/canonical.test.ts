import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canonicalJson, contentDigest, contentKey, hashFile, sha256, short } from './canonical.ts';
import { datasetParts } from './draft.fixture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-canonical-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('keys are sorted, at every depth, and nothing else is moved', () => {
  expect(canonicalJson({ b: [3, { z: null, a: 'é"\n' }], a: 1e-7, B: true })).toBe(
    '{"B":true,"a":1e-7,"b":[3,{"a":"é\\"\\n","z":null}]}',
  );
});

test('the order in which keys were set does not matter, and parsing gives the value back', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test.each([
  [{ a: [1, Number.NaN] }, '$.a[1] has no canonical JSON: NaN'],
  [{ a: Number.POSITIVE_INFINITY }, '$.a has no canonical JSON: Infinity'],
  [{ a: undefined }, '$.a has no canonical JSON: undefined'],
  [{ a: 1n }, '$.a has no canonical JSON: 1n'],
  [{ a: new Map() }, '$.a has no canonical JSON: Map(0) {}'],
])('%o is refused', (value, text) => {
  expect(() => canonicalJson(value)).toThrow(new Error(text));
});

test('sparse arrays are refused', () => {
  expect(() => canonicalJson(new Array(2))).toThrow(new Error('$[0] has no canonical JSON: undefined'));
});

// These two must never change: every stored artifact is under such a key.
test('the content key and digest of an example stay what they are', () => {
  expect(contentKey(datasetParts)).toBe(
    sha256(
      `{"fingerprint":"${'f'.repeat(64)}","inputs":{},"params":{"imageSize":112,"source":"/faces"},"step":"ingest","version":1}`,
    ),
  );
  expect(contentKey(datasetParts)).toBe('885fd311adf59e1c489f1f4f8aab5cf57f0342d903e65b1876c5e7669223d521');
  expect(contentDigest({ a: { digest: 'aa', size: 1 } }, { n: 1 }, { loss: 0.5 })).toBe(
    '381e705e33e1820dd6ce960526c1d84f18f0d958cfc98bcd41442277ed7a47ef',
  );
});

test('a file has the digest of its bytes', async () => {
  const path = join(folder, 'file');
  const bytes = Buffer.alloc(3_000_001, 'abc');
  await writeFile(path, bytes);
  expect(await hashFile(path)).toEqual({ digest: sha256(bytes), size: 3_000_001 });
  expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('a short digest is its first eight digits', () => {
  expect(short('0123456789abcdef')).toBe('01234567…');
});
