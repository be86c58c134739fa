import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium as driver } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** A Chromium to test pages with: the one of the variable CHROMIUM, or one on PATH. */
export const chromium = process.env.CHROMIUM ?? onPath();

function onPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Tests may run as root, which Chromium's sandbox does not allow. */
export function openBrowser(executablePath: string): Promise<Browser> {
  return driver.launch({ executablePath, chromiumSandbox: false });
}
