import { expect, test } from 'vitest';
import { stackEnv } from './env.ts';

test('settings of another Temporal or S3 do not reach the users of the stack', () => {
  const user = {
    PATH: '/bin',
    AWS_SESSION_TOKEN: 'x',
    AWS_PROFILE: 'work',
    TEMPORAL_API_KEY: 'y',
    F2C_HOME: '/a',
  };
  const env = stackEnv(user, { AWS_REGION: 'us-east-1', F2C_HOME: '/b' });
  expect(env).toEqual({ PATH: '/bin', AWS_REGION: 'us-east-1', F2C_HOME: '/b' });
});
