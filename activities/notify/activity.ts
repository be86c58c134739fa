import { F2cError } from '../../errors/failure.ts';
import { secretMask } from '../secrets.ts';
import { implement, type StepContext } from '../step.ts';
import { notifyStep } from './contract.ts';
import { post } from './post.ts';
import { requestOf } from './request.ts';

/** The outside world knows a second try by its key: the first may have arrived although nobody was told. */
export const runNotify = implement(notifyStep, async ({ url, headers, message }, step) => {
  const { run, pipeline, instance, key, written, signal } = step;
  // Chats read `text`; who writes a service of their own reads the rest.
  const body = { text: message, message, run, pipeline, step: instance };
  const request = requestOf({ url, headers: { ...headers, 'Idempotency-Key': key }, body });
  const answer = await post(request, signal);
  if (answer.status >= 300) throw refusal(answer, step);
  step.log.info(`the answer is ${answer.status}`);
  // When it was told is no secret of the digest: a run has one receipt, and no step makes it again.
  const receipt = {
    receiptVersion: 1,
    url: written.url ?? null,
    headers: written.headers ?? {},
    body,
    idempotencyKey: key,
    status: answer.status,
    at: new Date().toISOString(),
  };
  return {
    files: { 'receipt.json': Buffer.from(`${JSON.stringify(receipt, null, 1)}\n`) },
    facts: { url: receipt.url, message, status: receipt.status, at: receipt.at },
    metrics: { status: answer.status },
  };
});

/** Characters of an answer that are told when it is none to be glad of. */
const toldOfAnswer = 500;

/** Too many requests, and faults of the server, may be over at the next try. */
function refusal({ status, text }: { status: number; text: string }, { written }: StepContext): F2cError {
  const again = status === 429 || status >= 500;
  const said = secretMask()(text).slice(0, toldOfAnswer);
  return new F2cError(again ? 'F2C_NOTIFY_FAILED' : 'F2C_NOTIFY_REFUSED', {
    what: `${written.url} answered ${status}${said === '' ? '' : `: ${said}`}`,
    ...(!again && {
      fix: status < 400 ? 'Give the address that this one leads to' : 'Correct `url`, `headers` or `message`',
    }),
  });
}
