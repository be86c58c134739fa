import { expect, it } from 'vitest';
import { shippedNames, shippedPipeline } from './shipped.ts';

it('names each pipeline that there is once, also one that was applied instead of a shipped one', async () => {
  const names = [...(await shippedNames()), 'zebra'].sort();
  await expect(shippedPipeline('nothing-alike', ['quickstart', 'zebra'])).rejects.toThrow(
    `There are: ${names.join(', ')}.`,
  );
});
