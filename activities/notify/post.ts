import { F2cError } from '../../errors/failure.ts';
import { answerSeconds } from './contract.ts';

const timeoutMs = answerSeconds * 1_000;

/** Characters of an answer that are read; it may be endless. */
const longestAnswer = 4_096;

/** Sends a request and gives the status and the beginning of the answer. F2C_NOTIFY_FAILED when none comes. */
export async function post(request: Request, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(request, { signal: AbortSignal.any([signal, timeout]) });
    return { status: response.status, text: await beginningOf(response) };
  } catch (error) {
    signal.throwIfAborted();
    const why = timeout.aborted ? `no answer came within ${timeoutMs / 1000} seconds` : causeOf(error);
    throw new F2cError('F2C_NOTIFY_FAILED', { what: `The message could not be posted: ${why}` });
  }
}

async function beginningOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= longestAnswer) break;
  }
  return text.trim();
}

/** Of "fetch failed" the cause is what says something; its code, because its message may hold the address. */
function causeOf(error: unknown): string {
  const { code, name } = (
    error instanceof Error && error.cause ? error.cause : error
  ) as NodeJS.ErrnoException;
  return code ?? name;
}
