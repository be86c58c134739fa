/**
 * A process's environment with the stack's settings. Those of another Temporal or S3, a profile or a session
 * token among them, would get in the way of the stack's own and are left out.
 */
export function stackEnv(base: NodeJS.ProcessEnv, stack: Record<string, string>): NodeJS.ProcessEnv {
  const others = Object.entries(base).filter(([name]) => !/^(AWS|TEMPORAL)_/.test(name));
  return { ...Object.fromEntries(others), ...stack };
}

/** Whether an environment names servers of the user's own; otherwise the embedded stack is meant. */
export function serversAreNamed(env: NodeJS.ProcessEnv): boolean {
  return ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'].some((name) => Boolean(env[name]));
}
