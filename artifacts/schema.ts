import { z } from 'zod';
import { F2cError } from '../errors/failure.ts';
import type { ArtifactKind } from '../language/contract/step.ts';
import { artifactKinds } from '../language/contract/step.ts';
import { contentDigest, contentKey } from './canonical.ts';
import type { KeyParts, Manifest } from './manifest.ts';

const hex = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex');

/** A path inside an artifact: relative, with `/`, and unable to leave the folder it is exported to. */
const filePath = z
  .string()
  .max(512)
  .refine(
    (path) => !/[\\\0]/.test(path) && path.split('/').every((part) => !['', '.', '..'].includes(part)),
    'is not a path inside an artifact',
  );

export const blobRef = z.strictObject({ digest: hex, size: z.int().min(0) });

const artifactRef = z.strictObject({ kind: z.enum(artifactKinds), key: hex, digest: hex });

const jsonObject = z.record(z.string(), z.json());

const keyParts: z.ZodType<KeyParts> = z.strictObject({
  step: z.string(),
  version: z.int(),
  params: jsonObject,
  inputs: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  fingerprint: z.string().exactOptional(),
});

const manifest: z.ZodType<Manifest> = z.strictObject({
  ...artifactRef.shape,
  files: z.record(filePath, blobRef),
  facts: jsonObject,
  metrics: z.record(z.string(), z.number()),
  measured: z.record(z.string(), z.number()),
  log: z.record(filePath, blobRef).exactOptional(),
  madeBy: z.strictObject({
    step: z.string(),
    instance: z.string().exactOptional(),
    version: z.int(),
    code: z.string(),
    run: z.string(),
    at: z.string(),
  }),
  from: keyParts,
  inputs: z.record(z.string(), z.union([artifactRef, z.array(artifactRef)])),
});

/** Key parts that were stored to explain later ones; undefined when they are not readable. */
export function parseKeyParts(text: string): KeyParts | undefined {
  try {
    return keyParts.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A manifest about to be written; anything wrong with it is a defect of the step. */
export function checkManifest(value: Manifest): Manifest {
  return manifest.parse(value);
}

/** A manifest as it was stored, proven to be the artifact of this kind and key. Throws F2C_BLOB_CORRUPT. */
export function parseManifest(text: string, kind: ArtifactKind, key: string): Manifest {
  const damaged = (why: string, cause?: unknown) =>
    new F2cError('F2C_BLOB_CORRUPT', {
      what: `The manifest of ${kind} ${key} was altered: ${why}`,
      fix: 'Run the pipeline again; the step that made it notices and makes it anew',
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged('it is not JSON', error);
  }
  const parsed = manifest.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw damaged(`${issue?.path.join('.')}: ${issue?.message}`, parsed.error);
  }
  const { data } = parsed;
  if (data.kind !== kind || data.key !== key) throw damaged('it is of another artifact');
  if (contentKey(data.from) !== key) throw damaged('its key does not follow from what it was made from');
  if (contentDigest(data.files, data.facts, data.metrics) !== data.digest) {
    throw damaged('its digest does not fit its content');
  }
  return data;
}
