import { isAbsolute } from 'node:path';
import type { ArtifactStore } from '../../artifacts/store.ts';
import { F2cError } from '../../errors/failure.ts';
import { openBucketSource } from './bucket.ts';
import { openFolderSource } from './folder.ts';
import { openSampleSource } from './sample.ts';
import type { Source } from './source.ts';

/** Opens a source by its written form; F2C_SOURCE_INVALID if it has none that is known. */
export function openSource(text: string, store: ArtifactStore): Source {
  if (text.startsWith('s3://')) return openBucketSource(text, store.bucket.s3);
  if (text.startsWith('sample:')) return openSampleSource(text);
  if (isAbsolute(text)) return openFolderSource(text);
  const isUrl = /^[a-z0-9]+:/i.test(text);
  throw new F2cError('F2C_SOURCE_INVALID', {
    what: isUrl
      ? `The source \`${text}\` is not written in a form that is known`
      : `The source \`${text}\` is a relative path, and workers run in another folder than you`,
    fix: 'Write `s3://bucket/prefix`, an absolute folder such as `/data/faces`, or `sample:att-faces`',
  });
}
