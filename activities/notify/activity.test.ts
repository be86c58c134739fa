import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestStep, testStep } from '../ingest/testdata/step.ts';
import { runNotify } from './activity.ts';

interface Arrived {
  method: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

let server: Server;
let address: string;
let answer: RequestListener;
let arrived: Arrived[];
let step: TestStep;
let abort: AbortController;

beforeEach(async () => {
  arrived = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    arrived.push({ method: request.method, headers: request.headers, body });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  abort = new AbortController();
  step = await testStep({ signal: abort.signal });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await step.remove();
});

const answering = (status: number, text = '', headers = {}): RequestListener => {
  return (_, response) => response.writeHead(status, headers).end(text);
};

const notify = (more: { url?: string; headers?: Record<string, string> } = {}) => {
  const params = { url: address, headers: {}, message: 'it is done', ...more };
  const written = { ...params, url: '${{ secrets.HOOK }}' };
  return runNotify.work(params, { ...step, written });
};

describe('a message', () => {
  it('arrives as JSON with what tells runs apart, and the receipt says what was sent without secrets', async () => {
    answer = answering(201, 'thanks');
    const made = await notify({ headers: { Authorization: 'Bearer x', 'content-type': 'text/plain' } });
    const body = { text: 'it is done', message: 'it is done', run: 'test', pipeline: 'test', step: 'test' };
    expect(arrived).toHaveLength(1);
    const [{ method, headers, body: sent }] = arrived as [Arrived];
    expect([method, JSON.parse(sent)]).toEqual(['POST', body]);
    expect(headers).toMatchObject({
      authorization: 'Bearer x',
      'content-type': 'application/json',
      'idempotency-key': step.key,
    });
    expect(made.metrics).toEqual({ status: 201 });
    const receipt = JSON.parse(String(made.files['receipt.json']));
    expect(receipt).toMatchObject({
      url: '${{ secrets.HOOK }}',
      body,
      idempotencyKey: step.key,
      status: 201,
    });
    expect(Date.parse(receipt.at)).not.toBeNaN();
    expect(JSON.stringify(made.facts)).not.toContain(address);
  });
});

describe('an answer', () => {
  it.each([
    [429, 'F2C_NOTIFY_FAILED'],
    [500, 'F2C_NOTIFY_FAILED'],
    [503, 'F2C_NOTIFY_FAILED'],
    [400, 'F2C_NOTIFY_REFUSED'],
    [404, 'F2C_NOTIFY_REFUSED'],
    [302, 'F2C_NOTIFY_REFUSED'],
  ])('of %i is %s', async (status, code) => {
    answer = answering(status, `${'no such hook '.repeat(100)}`, { location: `${address}/other` });
    const message = expect.stringMatching(
      new RegExp(`^\\$\\{\\{ secrets.HOOK \\}\\} answered ${status}: no such hook`),
    );
    await expect(notify()).rejects.toMatchObject({ code, message });
    expect(arrived).toHaveLength(1);
  });

  it('that never ends is read no further than it is told', async () => {
    answer = (_, response) => {
      response.writeHead(500);
      const more = () => response.write('x'.repeat(10_000), more);
      more();
    };
    const refused = await notify().catch((error: Error) => error);
    expect((refused as Error).message.length).toBeLessThan(600);
  });

  it('that does not come is a failure to be tried again, and a stop is a stop', async () => {
    server.closeAllConnections();
    answer = (request) => request.socket.destroy();
    const told = 'The message could not be posted: UND_ERR_SOCKET.';
    await expect(notify()).rejects.toMatchObject({ code: 'F2C_NOTIFY_FAILED', message: told });
    answer = () => abort.abort(new Error('stopped'));
    await expect(notify()).rejects.toThrow('stopped');
  });

  it('of nobody is a failure to be tried again', async () => {
    await new Promise((resolve) => server.close(resolve));
    await expect(notify()).rejects.toMatchObject({
      code: 'F2C_NOTIFY_FAILED',
      message: 'The message could not be posted: ECONNREFUSED.',
    });
    server.listen(0);
  });
});

describe('what cannot be sent is told without its value', () => {
  it.each([
    [{ url: 'hidden-value' }, '`url` of `notify` is not an address that begins with http:// or https://'],
    [
      { url: 'file:///hidden-value' },
      '`url` of `notify` is not an address that begins with http:// or https://',
    ],
    [{ url: 'https://me:hidden-value@host/' }, '`url` of `notify` holds a user or a password'],
    [
      { headers: { 'X-Key': 'hidden\nvalue' } },
      'The header `X-Key` of `notify` has characters that no header can have',
    ],
  ])('%j', async (params, message) => {
    const refused = (await notify(params).catch((error: Error) => error)) as Error;
    expect(refused).toMatchObject({ code: 'F2C_CONFIG_INVALID' });
    expect(refused.message).toContain(message);
    expect(refused.message).not.toContain('hidden');
    expect(arrived).toEqual([]);
  });
});
