// Somebody is away: who writes to him is told, and he finds everything on his return.

import { chromium } from '@playwright/test';

import { launchOptions } from '../support/browser.ts';
import { expect, test } from '../support/fixtures.ts';

test('invited and written to while offline, he finds it on his return in another browser', async ({ arrive }) => {
  const alice = await arrive('alice');
  const away = await arrive('bob');
  await alice.register('RSA-PSS');
  await away.register('DSA');
  await away.context.close();

  await alice.createConversation(['bob'], 'For later');
  await expect(alice.page.getByText(/bob is offline/i).first()).toBeVisible();
  await alice.send('You were not there');
  await alice.expectMessage('You were not there', { state: 'sent' });
  await alice.openMembers();
  await expect(alice.member('bob')).toContainText(/last seen|offline/i);

  const bob = await arrive('bob');
  await bob.signIn();
  await bob.expectSignedIn();
  await expect(bob.invitation('alice')).toBeVisible();
  await expect(alice.member('bob')).toContainText('online');
  await bob.accept('alice');
  await bob.openConversation('For later');
  await bob.expectMessage('You were not there', { signature: 'rsa-pss', author: 'alice' });
  await bob.send('Now I am');
  await alice.expectMessage('Now I am', { signature: 'dsa', author: 'bob' });
});

test('his own browser, closed and opened again, still knows him', async ({ arrive }, testInfo) => {
  const profile = testInfo.outputPath('profile');
  const alice = await arrive('alice');
  const away = await arrive('bob', { context: await chromium.launchPersistentContext(profile, launchOptions) });
  await alice.register();
  await away.register();
  await alice.createConversation(['bob'], 'Every day');
  await away.accept('alice');
  await away.context.close();

  await alice.send('Good morning');
  await alice.expectMessage('Good morning', { state: 'sent' });

  const bob = await arrive('bob', { context: await chromium.launchPersistentContext(profile, launchOptions) });
  await bob.open();
  await bob.expectSignedIn();
  await expect(bob.passwordField).toHaveCount(0);
  await bob.openConversation('Every day');
  await bob.expectMessage('Good morning', { signature: 'rsa-pss', author: 'alice' });
});

test('an invitation that is declined is gone for both', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await alice.register();
  await bob.register();
  await alice.createConversation(['bob'], 'Perhaps');
  await bob.invitation('alice').getByRole('button', { name: 'Decline' }).click();
  await expect(bob.invitation('alice')).toHaveCount(0);
  await expect(bob.conversation('Perhaps')).toHaveCount(0);
  await alice.openMembers();
  await expect(alice.member('bob')).toHaveCount(0);
});
