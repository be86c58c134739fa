import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** A Chromium to test pages with: the one of the variable CHROMIUM, or Debian's. */
export const chromium = [process.env.CHROMIUM ?? '/usr/bin/chromium'].find((path) => existsSync(path));

const size = { width: 1280, height: 1000 };

interface Message {
  id?: number;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** One page in a real browser, spoken to over Chromium's DevTools protocol: JSON texts on two pipes. */
export class Browser {
  private readonly child: ChildProcess;
  private readonly folder: string;
  private readonly waiting = new Map<number, (message: Message) => void>();
  private session: string | undefined;
  private count = 0;

  private constructor(child: ChildProcess, folder: string) {
    this.child = child;
    this.folder = folder;
    let rest = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages.map((each): Message => JSON.parse(each))) {
        this.waiting.get(message.id ?? 0)?.(message);
        this.waiting.delete(message.id ?? 0);
      }
    });
  }

  static async open(path: string): Promise<Browser> {
    const folder = await mkdtemp(join(tmpdir(), 'f2c-browser-'));
    const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--mute-audio'];
    const child = spawn(path, [...options, '--remote-debugging-pipe', `--user-data-dir=${folder}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const browser = new Browser(child, folder);
    const { targetId } = await browser.ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.ask('Target.attachToTarget', { targetId, flatten: true });
    browser.session = sessionId as string;
    await browser.ask('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: 1, mobile: false });
    return browser;
  }

  async go(url: string): Promise<void> {
    await this.ask('Page.navigate', { url });
  }

  /** What a person reads on the page, in its frames as well. */
  text(): Promise<string> {
    return this.evaluate(
      '[document, ...[...document.querySelectorAll("iframe")].map((frame) => frame.contentDocument)]' +
        '.map((page) => page?.body?.innerText ?? "").join("\\n")',
    );
  }

  /** Presses the first button or link with this text; false if there is none that can be pressed. */
  press(text: string): Promise<boolean> {
    return this.evaluate(
      `((found) => found !== undefined && !found.disabled && (found.click(), true))(
        [...document.querySelectorAll('button, a')].find((each) => each.innerText.trim() === ${JSON.stringify(text)}))`,
    );
  }

  /** Writes into the field of a selector, as the keyboard would. */
  async type(selector: string, text: string): Promise<void> {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    await this.ask('Input.insertText', { text });
  }

  async evaluate<T>(expression: string): Promise<T> {
    const { result } = await this.ask('Runtime.evaluate', { expression, returnByValue: true });
    return (result as { value: T }).value;
  }

  /** The page right of `left` as a PNG. */
  async screenshot({ left, height }: { left: number; height: number }): Promise<Buffer> {
    const clip = { x: left, y: 0, width: size.width - left, height, scale: 1 };
    const { data } = await this.ask('Page.captureScreenshot', { format: 'png', clip });
    return Buffer.from(data as string, 'base64');
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.session = undefined;
    await Promise.race([this.ask('Browser.close', {}), ended]);
    await ended;
    await rm(this.folder, { recursive: true, force: true });
  }

  private async ask(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.count;
    const answer = new Promise<Message>((resolve) => this.waiting.set(id, resolve));
    const request = { id, method, params, ...(this.session && { sessionId: this.session }) };
    (this.child.stdio[3] as Writable).write(`${JSON.stringify(request)}\0`);
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }
}
