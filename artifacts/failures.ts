import { F2cError } from '../errors/failure.ts';

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
]);

interface Facts {
  name: string;
  code: string | undefined;
  status: number | undefined;
}

/** What the SDK and Node tell about an error, wherever they put it. */
function factsOf(error: unknown): Facts {
  if (!(error instanceof Error)) return { name: '', code: undefined, status: undefined };
  const { code, $metadata } = error as { code?: unknown; $metadata?: { httpStatusCode?: number } };
  return {
    name: error.name,
    code: typeof code === 'string' ? code : undefined,
    status: $metadata?.httpStatusCode,
  };
}

/** The answer to a read is that nothing is there; a missing bucket is another matter. */
export function isMissing(error: unknown): boolean {
  const { name, status } = factsOf(error);
  return status === 404 && name !== 'NoSuchBucket';
}

/** A conditional write did not happen because the object is not, or is no longer, what the writer thought. */
export function isLostRace(error: unknown): boolean {
  return factsOf(error).status === 412 || isMissing(error);
}

/** A conditional write met another one half-way; it may be tried again as it is. */
export function isConflict(error: unknown): boolean {
  const { name, status } = factsOf(error);
  return status === 409 && name === 'ConditionalRequestConflict';
}

/**
 * What to throw for an error that came up while talking to the store: an `F2cError` where the user can do
 * something about it, else the error itself.
 */
export function storeFailure(error: unknown, where: string): unknown {
  if (error instanceof F2cError) return error;
  const { name, code, status } = factsOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(error);
  if (name === 'CredentialsProviderError') {
    return new F2cError('F2C_STORE_DENIED', {
      what: 'No credentials for S3 were found',
      where,
      fix: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      cause: error,
    });
  }
  if (name === 'NoSuchBucket') {
    return new F2cError('F2C_BUCKET_MISSING', {
      what: 'The bucket does not exist',
      where,
      fix: 'Create it, or name another one in F2C_BUCKET',
      cause: error,
    });
  }
  if (status === 401 || status === 403) {
    return new F2cError('F2C_STORE_DENIED', {
      what: `The S3 server refuses these credentials: ${name}`,
      where,
      fix: 'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do in the bucket',
      cause: error,
    });
  }
  const busy = status !== undefined && (status >= 500 || status === 429);
  if (busy || name === 'TimeoutError' || (code !== undefined && networkCodes.has(code))) {
    return new F2cError('F2C_STORE_UNREACHABLE', {
      what: `The S3 server does not answer: ${code ?? name}`,
      where,
      fix: 'Check that it runs and that AWS_ENDPOINT_URL_S3 names it',
      cause: error,
    });
  }
  return error;
}

function diskFull(error: unknown): F2cError {
  const { path } = error as { path?: string };
  return new F2cError('F2C_DISK_FULL', {
    what: 'The local disk is full',
    where: path,
    fix: 'Make room; the step goes on by itself',
    cause: error,
  });
}
