import type { StepState } from './runTypes.ts';

/** Whether a step waits for a person. */
export function waits({ status }: StepState): boolean {
  return status === 'held' || status === 'awaiting approval';
}

/** How a person answers a step that waits, as the end of a sentence; undefined if it does not wait. */
export function waysToAnswer(step: StepState, run: string): string | undefined {
  if (!waits(step)) return undefined;
  const { id, status, deadline } = step;
  const place = /^[\w-]+$/.test(id) ? `${run} ${id}` : `${run} '${id}'`;
  if (status === 'awaiting approval') {
    const end =
      deadline === undefined
        ? ''
        : `; at ${new Date(deadline.at).toISOString().slice(0, 16).replace('T', ' ')} UTC: ${deadline.action}`;
    return `\`npx f2c approve ${place}\` or \`npx f2c reject ${place}\`${end}`;
  }
  return (
    `\`npx f2c retry ${place}\` (\`--with name=value\` changes a param), \`npx f2c skip ${place}\` or ` +
    `\`npx f2c fail ${place}\``
  );
}
