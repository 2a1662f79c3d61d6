// What there is before everything has loaded.

import type { Page } from '@playwright/test';

import { expect, test } from '../support/fixtures.ts';
import type { Person } from '../support/person.ts';

/** Keeps a file back; what lets it come. */
async function hold(person: Person, file: RegExp): Promise<() => void> {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await person.context.route(file, async (route) => {
    await held;
    await route.continue();
  });
  return release;
}

/** What the form says, and where everything in it stands. */
async function look(page: Page): Promise<string> {
  const form = page.getByRole('main');
  const boxes = await form.locator('input, button, a, p, h1').evaluateAll((all) =>
    all.map((one) => JSON.stringify([one.className, one.getBoundingClientRect()])),
  );
  return [await form.ariaSnapshot(), ...boxes].join('\n');
}

test('the form is there before the page’s code, which takes over what was typed', async ({ arrive, server }) => {
  const alice = await arrive('alice');
  const release = await hold(alice, /\/app-[^/]*\.wasm$/);
  await alice.page.goto(server.origin, { waitUntil: 'commit' });
  await expect(alice.userName).toBeFocused();
  await expect(alice.page.getByRole('button', { name: 'Sign in' })).toBeDisabled();
  const before = await look(alice.page);
  await alice.userName.pressSequentially('ali');
  await alice.passwordField.pressSequentially('never told');
  await alice.page.keyboard.press('Enter');
  release();
  await expect(alice.page.getByRole('button', { name: 'Sign in' })).toBeEnabled();
  expect(new URL(alice.page.url()).search).toBe('');
  await expect(alice.passwordField).toBeFocused();
  await alice.page.keyboard.type(' to anybody');
  await expect(alice.passwordField).toHaveValue('never told to anybody');
  await expect(alice.userName).toHaveValue('ali');
  for (const field of [alice.userName, alice.passwordField]) await field.fill('');
  await alice.userName.focus();
  expect(await look(alice.page)).toBe(before);
});

test('the form does not wait for the engine; what it sends does', async ({ arrive }) => {
  const alice = await arrive('alice');
  const release = await hold(alice, /\/engine-[^/]*\.wasm$/);
  await alice.signIn('never told to anybody');
  await expect(alice.page.getByRole('button', { name: 'Signing in …' })).toBeVisible();
  await expect(alice.page.getByRole('alert')).toHaveCount(0);
  release();
  await expect(alice.page.getByRole('alert').filter({ hasText: 'wrong' })).toBeVisible();
  await expect(alice.userName).toHaveValue('alice');
});

test('whoever is signed in sees no form on the way', async ({ arrive }) => {
  const alice = await arrive('alice');
  await alice.register();
  const release = await hold(alice, /\/app-[^/]*\.wasm$/);
  await alice.page.reload({ waitUntil: 'commit' });
  await expect(alice.page.locator('noscript')).toBeAttached();
  await expect(alice.page.getByRole('main')).toHaveCount(0);
  release();
  await alice.expectSignedIn();
});
