import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * An S3 client as the environment describes it: `AWS_ENDPOINT_URL_S3` (or `AWS_ENDPOINT_URL`), `AWS_REGION`,
 * `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`. Without keys the SDK looks for them
 * where it always does: shared configuration, container or machine role.
 */
export function s3Client(env: Env = process.env): S3Client {
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  const config: S3ClientConfig = {
    region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
    // Together about three seconds of waiting: enough for a server that restarts. Longer outages are
    // Temporal's to sit out, where people see them.
    maxAttempts: 6,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 30_000 },
  };
  // Servers other than AWS seldom have a host name a bucket.
  if (endpoint !== undefined) Object.assign(config, { endpoint, forcePathStyle: true });
  if (env.AWS_ACCESS_KEY_ID !== undefined && env.AWS_SECRET_ACCESS_KEY !== undefined) {
    config.credentials = {
      accessKeyId: env.AWS_ACCESS_KEY_ID,
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
      ...(env.AWS_SESSION_TOKEN !== undefined && { sessionToken: env.AWS_SESSION_TOKEN }),
    };
  }
  return new S3Client(config);
}

export function bucketName(env: Env = process.env): string {
  return env.F2C_BUCKET ?? 'f2c';
}
