import { defineConfig } from '@playwright/test';

import { launchOptions } from './support/browser.ts';

export default defineConfig({
  outputDir: 'test-results',
  // Two cores make keys for several people at once.
  timeout: 180_000,
  expect: { timeout: 60_000 },
  fullyParallel: true,
  workers: 2,
  // A test that fails now and then is a bug, so nothing is tried again where it counts.
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list']],
  use: {
    launchOptions,
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    locale: 'en-GB',
    timezoneId: 'UTC',
    // Contrast is judged on what stays, not on what fades in.
    contextOptions: { reducedMotion: 'reduce' },
    trace: process.env.CI ? 'off' : 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
  projects: [project(process.env.PROJECT)],
});

/** The tests, unless something else is asked for: what runs for people to look at is no test. */
function project(asked = 'e2e') {
  if (asked === 'screens' || asked === 'bench') return { name: asked, testDir: asked, testMatch: '*.ts' };
  return { name: 'e2e', testDir: 'tests', testMatch: '*.spec.ts' };
}
