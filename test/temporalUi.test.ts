import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../local/paths.ts';
import { chromium, openBrowser } from './support/browser.ts';
import { f2c } from './support/cli.ts';
import { Runs } from './support/runs.ts';
import { startTestStack, type TestStack } from './support/stack.ts';

/** Set, the pictures of docs/temporal-ui.md are made anew. */
const draw = process.env.F2C_SCREENSHOTS !== undefined;
const largest = 150_000;

const run = 'quickstart-by-hand';
const viewport = { width: 1280, height: 1000 };
const menuWidth = 256;

if (chromium === undefined) console.warn("Temporal's own UI is not tested: there is no Chromium on PATH.");

/** Temporal's own UI, used as docs/temporal-ui.md says. */
describe.skipIf(chromium === undefined)("Temporal's own UI", () => {
  let stack: TestStack;
  let runs: Runs;
  let browser: Browser;
  let page: Page;
  let base: string;

  beforeAll(async () => {
    stack = await startTestStack({ workers: true });
    runs = await Runs.open(stack);
    base = `${stack.addresses.temporalUi}/namespaces/default`;
    browser = await openBrowser(chromium as string);
    page = await browser.newPage({ viewport });
    page.setDefaultTimeout(60_000);
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await runs.close();
    await stack.stop();
  });

  /** What a person reads on the page, in its frames as well: the UI shows Markdown in some. */
  async function text(): Promise<string> {
    const texts = page
      .frames()
      .map((frame) => frame.evaluate('document.body?.innerText ?? ""').catch(() => ''));
    return (await Promise.all(texts)).join('\n');
  }

  const shows = (expected: string | RegExp) => expect.poll(text, { timeout: 60_000 }).toMatch(expected);
  const presses = (name: string) =>
    page.getByText(name, { exact: true }).filter({ visible: true }).first().click();

  /** A picture of the page without the menu at its left, in few colours: they are kept in the repository. */
  async function picture(name: string, height: number): Promise<void> {
    if (!draw) return;
    const clip = { x: menuWidth, y: 0, width: viewport.width - menuWidth, height };
    const png = await sharp(await page.screenshot({ clip }))
      .png({ palette: true })
      .toBuffer();
    expect(png.length).toBeLessThan(largest);
    await mkdir(join(root, 'docs', 'temporal-ui'), { recursive: true });
    await writeFile(join(root, 'docs', 'temporal-ui', `${name}.png`), png);
  }

  /** What a run is found by, once it has begun. */
  async function attributesOf(workflowId: string): Promise<object> {
    const described = runs.client.workflow.getHandle(workflowId).describe();
    return described.then(
      ({ searchAttributes }) => searchAttributes,
      () => ({}),
    );
  }

  it('starts a run by the name of its pipeline', async () => {
    await page.goto(`${base}/workflows/start-workflow`);
    await page.fill('#workflowId', run);
    await page.fill('#taskQueue', 'control');
    await page.fill('#workflowType', 'runPipeline');
    await page.locator('.cm-content').first().fill('{"pipeline": "quickstart", "params": {"images": 20000}}');
    await picture('start', 760);
    // Once it is left, the field writes its JSON in several lines, and the button moves.
    await page.locator('.cm-content').first().blur();
    await page.getByTestId('start-workflow-button').click();
    const begun = { f2cPipeline: ['quickstart'], f2cState: ['running'] };
    await expect.poll(() => attributesOf(run), { timeout: 60_000 }).toMatchObject(begun);
  }, 180_000);

  it('shows what every activity is for, and the state of every step', async () => {
    await page.goto(`${base}/workflows/${run}`);
    await shows(/ingest • faces: Reads a folder of images/);
    await shows(/train • train\[head=dcp\]: Trains a face embedding/);
    await picture('timeline', 800);

    await presses('User Metadata');
    await shows(/quickstart: .*\n/);
    await shows(/✔\s+people\s+done\s+miss: first time here/);
    await shows(/▶\s+train\[head=dcp\]\s+running/);
    await picture('details', 1000);
  }, 180_000);

  it('finds runs by their pipeline and state', async () => {
    const query = '`f2cPipeline`="quickstart" AND `f2cState`="running"';
    await page.goto(`${base}/workflows?query=${encodeURIComponent(query)}`);
    await shows(/1\s+RUNNING/);
    await shows(run);
    await picture('find', 500);
  }, 120_000);

  it('cancels a run, which can be resumed', async () => {
    await page.goto(`${base}/workflows/${run}`);
    await presses('Request Cancellation');
    await presses('Confirm');
    const state = await runs.ended(runs.client.workflow.getHandle(run));
    expect(state.status).toBe('cancelled');
    const { stdout } = await f2c(stack.env, 'resume', run, '--detach');
    const next = stdout.trim();
    await page.goto(`${base}/workflows/${next}`);
    await presses('User Metadata');
    await shows(`Pipeline quickstart, resumes ${run}`);
    await shows(`npx f2c logs ${next} --follow`);
    await f2c(stack.env, 'cancel', next);
    await runs.ended(runs.client.workflow.getHandle(next));
  }, 180_000);
});
