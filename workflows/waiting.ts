import type { StepState } from './runTypes.ts';

/** How a person answers a step that waits, as the end of a sentence; undefined if it does not wait. */
export function waysToAnswer({ id, status }: StepState, run: string): string | undefined {
  if (status !== 'held') return undefined;
  const place = /^[\w-]+$/.test(id) ? `${run} ${id}` : `${run} '${id}'`;
  return (
    `\`npx f2c retry ${place}\` (\`--with name=value\` changes a param), \`npx f2c skip ${place}\` or ` +
    `\`npx f2c fail ${place}\``
  );
}
