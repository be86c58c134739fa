import { z } from 'zod';
import { secretText } from '../../language/contract/secretText.ts';
import { artifact, defineStep, metric } from '../../language/contract/step.ts';

const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** How long a server may take to answer one try. */
export const answerSeconds = 30;

export const notifyStep = defineStep({
  name: 'notify',
  version: 1,
  summary: 'Posts a message to an address, such as the webhook of a chat, once in every run.',
  params: z.strictObject({
    url: secretText()
      .refine(
        (url) => url.includes('${{') || isHttp(url),
        'must be an address that begins with http:// or https://',
      )
      .describe(
        `Where the message is posted, as JSON with \`text\`, \`message\`, \`run\`, \`pipeline\` and \`step\`. The server has ${answerSeconds} s to answer`,
      ),
    message: z.string().min(1).max(10_000).describe('What to tell'),
    headers: z
      .record(
        z.string().regex(headerName, 'must be the name of a header, such as Authorization'),
        secretText(),
      )
      .default({})
      .describe('Further headers of the request'),
  }),
  inputs: {},
  outputs: { receipt: artifact('receipt'), status: metric('HTTP status') },
  queue: 'data',
  timeout: '2m',
  heartbeat: '30s',
  effect: true,
});

export function isHttp(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}
