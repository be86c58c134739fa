import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../local/paths.ts';
import { Browser, chromium } from './support/browser.ts';
import { f2c } from './support/cli.ts';
import { Runs } from './support/runs.ts';
import { startTestStack, type TestStack } from './support/stack.ts';

/** Set, the pictures of docs/temporal-ui.md are made anew. */
const draw = process.env.F2C_SCREENSHOTS !== undefined;
const largest = 150_000;

const run = 'quickstart-by-hand';

/** Temporal's own UI, used as docs/temporal-ui.md says. */
describe.skipIf(chromium === undefined)("Temporal's own UI", () => {
  let stack: TestStack;
  let runs: Runs;
  let page: Browser;
  let base: string;

  beforeAll(async () => {
    stack = await startTestStack({ workers: true });
    runs = await Runs.open(stack);
    base = `${stack.addresses.temporalUi}/namespaces/default`;
    page = await Browser.open(chromium as string);
  }, 180_000);

  afterAll(async () => {
    await page?.close();
    await runs.close();
    await stack.stop();
  });

  const shows = (text: string | RegExp) => expect.poll(() => page.text(), { timeout: 60_000 }).toMatch(text);
  const presses = (text: string) => expect.poll(() => page.press(text), { timeout: 60_000 }).toBe(true);

  /** A picture of the page without the menu at its left, in few colours: they are kept in the repository. */
  async function picture(name: string, height: number): Promise<void> {
    if (!draw) return;
    const png = await sharp(await page.screenshot({ left: 256, height }))
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
    await page.go(`${base}/workflows/start-workflow`);
    await shows('Start Workflow');
    await expect.poll(() => page.evaluate('document.querySelector(".cm-content") !== null')).toBe(true);
    await page.type('#workflowId', run);
    await page.type('#taskQueue', 'control');
    await page.type('#workflowType', 'runPipeline');
    await page.type('.cm-content', '{"pipeline": "quickstart", "params": {"images": 20000}}');
    await picture('start', 760);
    await page.evaluate('document.querySelector("[data-testid=start-workflow-button]").click()');
    const begun = { f2cPipeline: ['quickstart'], f2cState: ['running'] };
    await expect.poll(() => attributesOf(run), { timeout: 60_000 }).toMatchObject(begun);
  }, 180_000);

  it('shows what every activity is for, and the state of every step', async () => {
    await page.go(`${base}/workflows/${run}`);
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
    await page.go(`${base}/workflows?query=${encodeURIComponent(query)}`);
    await shows(/1\s+RUNNING/);
    await shows(run);
    await picture('find', 500);
  }, 120_000);

  it('cancels a run, which can be resumed', async () => {
    await page.go(`${base}/workflows/${run}`);
    await presses('Request Cancellation');
    await presses('Confirm');
    const state = await runs.ended(runs.client.workflow.getHandle(run));
    expect(state.status).toBe('cancelled');
    const { stdout } = await f2c(stack.env, 'resume', run, '--detach');
    const next = stdout.trim();
    await page.go(`${base}/workflows/${next}`);
    await presses('User Metadata');
    await shows(`Pipeline quickstart, resumes ${run}`);
    await shows(`npx f2c logs ${next} --follow`);
    await f2c(stack.env, 'cancel', next);
    await runs.ended(runs.client.workflow.getHandle(next));
  }, 180_000);
});
