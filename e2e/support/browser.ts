// Which browser is driven, and how it is started.

import { existsSync } from 'node:fs';
import type { LaunchOptions } from '@playwright/test';

const SYSTEM_CHROMIUM = '/usr/bin/chromium';

/** CHROMIUM names one; then the system's; then Playwright's own, where it was downloaded. */
function executablePath(): string | undefined {
  return process.env.CHROMIUM ?? (existsSync(SYSTEM_CHROMIUM) ? SYSTEM_CHROMIUM : undefined);
}

export const launchOptions: LaunchOptions = {
  executablePath: executablePath(),
  args: [
    // Runs as root in CI, and without a network: nothing that phones home.
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};
