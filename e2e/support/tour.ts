// Every screen once, with something on it; for the audit and for the pictures.

import { expect } from '@playwright/test';

import { addPasskey, passkeys, plugIn } from './passkeys.ts';
import type { Person } from './person.ts';

export type Arrive = (name: string) => Promise<Person>;
export type Stop = (person: Person, screen: string) => Promise<void>;

/** Calls `stop` at each screen of somebody's first hour. */
export async function tour(arrive: Arrive, stop: Stop): Promise<void> {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  const carol = await arrive('carol');
  await bob.register('DSA');
  await carol.register();

  await alice.open();
  await expect(alice.userName).toBeVisible();
  await stop(alice, 'sign-in');
  await alice.userName.fill('alice');
  await alice.passwordField.fill('certainly not this one');
  await alice.page.getByRole('button', { name: 'Sign in' }).click();
  await expect(alice.page.getByRole('alert')).not.toBeEmpty();
  await stop(alice, 'sign-in-refused');

  await alice.fillRegistration();
  await stop(alice, 'create-account');
  await alice.page.getByRole('button', { name: 'Create account' }).click();
  await expect(alice.page.getByTestId('recovery-code')).toHaveText(/^\s*([0-9A-Z]{4}-){7}[0-9A-Z]{4}\s*$/);
  await stop(alice, 'recovery-code');
  await alice.recoveryDialog.getByRole('button', { name: 'Later' }).click();
  await alice.expectSignedIn();
  await stop(alice, 'empty');

  await alice.page.getByRole('button', { name: 'New conversation' }).first().click();
  await alice.newConversationDialog.getByRole('textbox', { name: 'People' }).fill('bob, carol');
  await alice.newConversationDialog.getByRole('textbox', { name: 'Title' }).fill('Mountain hut');
  await stop(alice, 'new-conversation');
  await alice.newConversationDialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(alice.log).toBeVisible();

  await expect(bob.invitation('alice')).toBeVisible();
  await stop(bob, 'invitation');
  await bob.accept('alice');
  await bob.openConversation('Mountain hut');
  await carol.accept('alice');
  await carol.openConversation('Mountain hut');
  await talk(alice, bob, carol);
  await stop(alice, 'conversation');

  const proof = alice.message('three of us').getByRole('button').first();
  if (await proof.count()) {
    await proof.click();
    await stop(alice, 'proof');
    await proof.click();
  }

  await alice.openMembers();
  await expect(alice.member('bob')).toContainText('online');
  await stop(alice, 'members');
  await alice.member('bob').getByRole('button', { name: 'Verify' }).click();
  const safety = alice.page.getByRole('dialog', { name: 'Safety number' });
  await expect(safety.getByTestId('safety-number')).toHaveText(/^\s*(\d{5}\s*){12}$/);
  await stop(alice, 'safety-number');
  await safety.getByRole('button', { name: 'Mark as verified' }).click();
  await expect(safety).toBeHidden();

  await alice.page.getByRole('button', { name: 'Account', exact: true }).click();
  await stop(alice, 'account-menu');
  await alice.page.getByRole('menuitem', { name: 'Settings' }).click();
  await expect(alice.page.getByRole('heading', { name: 'Settings' })).toBeVisible();
  await stop(alice, 'settings');
}

/** Calls `stop` at each screen about who belongs to what, and whose keys are whose. */
export async function groupTour(arrive: Arrive, stop: Stop): Promise<void> {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  const carol = await arrive('carol');
  await alice.register();
  await bob.register('DSA');
  await carol.register();
  await byLink(alice, await arrive('dave'), stop);
  await inGroups(alice, bob, carol, stop);
  await withNewKeys(alice, bob, carol, await arrive('bob'), stop);
}

/** Somebody who is not here yet follows a link. */
async function byLink(alice: Person, dave: Person, stop: Stop): Promise<void> {
  const link = await alice.copyLink();
  await stop(alice, 'invite-link');
  await dave.followLink(link);
  await expect(dave.page.getByText('You have been invited')).toBeVisible();
  await stop(dave, 'invited');
  await dave.register();
  await expect(dave.linkDialog('alice')).toContainText('Verified by this link');
  await stop(dave, 'link-owner');
  await dave.startFromLink('alice');
  await dave.openMembers();
  await expect(dave.members).toContainText('Verified by link');
  await stop(dave, 'verified-by-link');
}

/** What members can do about each other. */
async function inGroups(alice: Person, bob: Person, carol: Person, stop: Stop): Promise<void> {
  await alice.createConversation(['bob'], 'Allotment', { managed: true });
  await expect(bob.invitation('alice')).toBeVisible();
  await stop(bob, 'managed-invitation');
  await bob.accept('alice');
  await bob.openConversation('Allotment');
  await bob.send('Who has the key to the shed?');
  await bob.expectMessage('Who has the key to the shed?');
  await stop(bob, 'managed-conversation');
  await alice.expectMessage('Who has the key to the shed?');
  await alice.verify('bob');
  await alice.invite(['carol']);
  const menu = alice.member('carol').getByRole('button', { name: 'More about carol' });
  await menu.click();
  const share = alice.page.getByRole('menuitem', { name: 'Share earlier messages' });
  await expect(share).toBeVisible();
  await stop(alice, 'member-menu');
  await share.click();
  await stop(alice, 'share');
  await alice.page.keyboard.press('Escape');
  await alice.history.last().scrollIntoViewIfNeeded();
  await stop(alice, 'history');
  const exporting = await alice.openExport();
  await stop(alice, 'export');
  await exporting.getByRole('radio', { name: 'From one day to another' }).press('Space');
  await exporting.getByLabel('From', { exact: true }).fill('2026-01-31');
  await exporting.getByLabel('To', { exact: true }).fill('2026-01-01');
  await stop(alice, 'export-days');
  await exporting.getByRole('radio', { name: 'Everything' }).press('Space');
  await exporting.getByRole('button', { name: 'I understand, export' }).click();
  await expect(alice.page.getByRole('dialog', { name: 'Exported' })).toBeVisible();
  await stop(alice, 'exported');
  await alice.page.keyboard.press('Escape');
  await alice.block('bob');
  await expect(alice.page.getByText('Message from somebody you blocked')).toBeVisible();
  await stop(alice, 'blocked');
  await alice.openSettings();
  await alice.page.getByRole('region', { name: 'Blocked people' }).scrollIntoViewIfNeeded();
  await stop(alice, 'blocked-people');
  await carol.accept('alice');
  await carol.openConversation('Allotment');
}

/** New keys, here and elsewhere, trusted and not. */
async function withNewKeys(
  alice: Person,
  bob: Person,
  carol: Person,
  bobElsewhere: Person,
  stop: Stop,
): Promise<void> {
  await bobElsewhere.signIn();
  await bobElsewhere.expectSignedIn();
  await bob.openSettings();
  await bob.page.getByRole('button', { name: 'My keys were stolen' }).click();
  await stop(bob, 'stolen-question');
  await bob.page.keyboard.press('Escape');
  await bob.makeNewKeys();
  await expect(bobElsewhere.page.getByRole('button', { name: 'Enter password' })).toBeVisible();
  await stop(bobElsewhere, 'outdated');
  await alice.openConversation('Allotment');
  await alice.openMembers();
  await expect(alice.member('bob')).toContainText('Rotated since verified');
  await stop(alice, 'rotated');

  await bob.reportKeysStolen();
  await expect(alice.member('bob')).toHaveCount(0);
  await alice.members.getByRole('button', { name: 'Invite people' }).click();
  const dialog = alice.page.getByRole('dialog', { name: 'Invite people' });
  await dialog.getByRole('textbox', { name: 'People' }).fill('bob');
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
  await expect(dialog.getByRole('button', { name: 'Accept new keys' })).toBeVisible();
  await stop(alice, 'changed-keys');
  await dialog.getByRole('button', { name: 'Compare safety number' }).click();
  const safety = alice.page.getByRole('dialog', { name: 'Safety number' });
  await expect(safety.getByTestId('safety-number')).toHaveText(/^\s*(\d{5}\s*){12}$/);
  await stop(alice, 'changed-number');
  await safety.getByRole('button', { name: 'Accept as verified' }).click();
  await expect(dialog).toBeHidden();
  await expect(alice.member('bob')).toBeVisible();
  await expect(carol.identityBanner('bob')).toBeVisible();
  await stop(carol, 'identity-changed');
}

/** Calls `stop` at each screen about keeping an account. */
export async function accountTour(arrive: Arrive, stop: Stop): Promise<void> {
  const alice = await arrive('alice');
  const elsewhere = await arrive('alice');
  const code = await alice.registerAndKeepCode();
  await elsewhere.signIn();
  await elsewhere.expectSignedIn();
  await expect(alice.note(/New sign-in/)).toBeVisible();
  await stop(alice, 'new-sign-in');
  await alice.note(/New sign-in/).getByRole('button', { name: 'Close' }).click();

  await alice.openSettings();
  for (const region of ['Password and recovery code', 'Signed-in browsers', 'Locking', 'Storage', 'Leaving']) {
    const card = alice.page.getByRole('region', { name: region });
    await card.evaluate((element) => element.scrollIntoView({ block: 'start' }));
    await stop(alice, `settings-${region.toLowerCase().replaceAll(' ', '-')}`);
  }
  const dialog = alice.page.getByRole('dialog');
  for (const [button, screen] of [
    ['Change password', 'change-password'],
    ['Check recovery code', 'check-code'],
    ['Make a new code', 'new-code'],
    ['End all others', 'end-others'],
    ['Sign out', 'sign-out'],
    ['Delete account', 'delete-account'],
  ] as const) {
    await alice.page.getByRole('button', { name: button, exact: true }).click();
    await expect(dialog).toBeVisible();
    if (screen === 'check-code') {
      await dialog.getByRole('textbox', { name: 'Recovery code' }).fill(code);
      await dialog.getByRole('button', { name: 'Check', exact: true }).click();
      await expect(dialog.getByText('This is your recovery code')).toBeVisible();
    }
    await stop(alice, screen);
    await alice.page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
  }

  const stranger = await arrive('alice');
  for (let tried = 0; tried < 6; tried += 1) await stranger.guess(`guess number ${tried}`);
  await expect(alice.page.getByRole('alert').filter({ hasText: 'tried 5 times' })).toBeVisible();
  await stop(alice, 'failed-sign-ins');

  await alice.lock();
  await stop(alice, 'locked');
  await alice.unlock('certainly not this one');
  await expect(alice.page.getByRole('alert').filter({ hasText: 'wrong' })).toBeVisible();
  await stop(alice, 'locked-refused');
  await alice.page.getByRole('button', { name: 'Sign in as somebody else' }).click();
  await stop(alice, 'somebody-else');
  await alice.page.keyboard.press('Escape');

  await stranger.page.getByRole('link', { name: 'Forgot password?' }).click();
  await stop(stranger, 'recover');
  await stranger.page.getByRole('button', { name: 'Set new password' }).click();
  await expect(stranger.page.getByText('8 groups of 4 characters')).toBeVisible();
  await stranger.page.getByText('I have neither password nor code').click();
  await stop(stranger, 'recover-neither');
  await stranger.recover(code, 'nine lanterns at low tide');
  await expect(stranger.page.getByTestId('recovery-code')).toBeVisible();
  await stop(stranger, 'recovered');
  await expect(elsewhere.userName).toBeVisible();
  await stop(elsewhere, 'session-ended');
}

async function talk(alice: Person, bob: Person, carol: Person): Promise<void> {
  const lines: [Person, string][] = [
    [alice, 'I have booked the hut for the three of us, Friday to Sunday.'],
    [alice, 'The path is open again: https://example.org/conditions?hut=12'],
    [bob, 'Wonderful. I take the stove and the big rope.'],
    [carol, 'شكرا جزيلا! 🏔️'],
    [carol, 'I will be on the 7:42 train.'],
    [bob, 'And bread:\n- two dark ones\n- one with nuts'],
    [carol, 'Leave the nuts to me, I have a whole sack of them.'],
    [alice, 'Then see you at the station.'],
  ];
  for (const [person, text] of lines) {
    await person.send(text);
    const first = text.split('\n')[0] ?? text;
    for (const reader of [alice, bob, carol]) await reader.expectMessage(first, { state: 'sent' });
  }
}

/** Passkeys: in the settings, at the next sign-in, and to unlock. */
export async function passkeyTour(arrive: Arrive, stop: Stop): Promise<void> {
  const alice = await arrive('alice');
  await alice.register();
  await plugIn(alice.page, true);
  await alice.openSettings();
  const card = passkeys(alice);
  await card.evaluate((element) => element.scrollIntoView({ block: 'start' }));
  await stop(alice, 'no-passkeys');
  await card.getByRole('button', { name: 'Add a passkey' }).click();
  const dialog = alice.page.getByRole('dialog');
  await expect(dialog).toBeVisible();
  await stop(alice, 'add-passkey');
  await alice.page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  await addPasskey(alice, 'Laptop');
  await card.evaluate((element) => element.scrollIntoView({ block: 'start' }));
  await stop(alice, 'passkeys');
  await card.getByRole('button', { name: 'Remove passkey Laptop' }).click();
  await expect(dialog).toBeVisible();
  await stop(alice, 'remove-passkey');
  await alice.page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);

  const elsewhere = await arrive('alice');
  await elsewhere.signIn();
  await expect(elsewhere.page.getByText('This account also asks for a passkey')).toBeVisible();
  await stop(elsewhere, 'passkey-asked-for');
  await plugIn(elsewhere.page, false);
  await elsewhere.page.getByRole('button', { name: 'Use your passkey' }).click();
  await expect(elsewhere.page.getByRole('alert')).toContainText('No passkey was given');
  await stop(elsewhere, 'no-passkey-given');

  await alice.lock();
  await expect(alice.page.getByRole('button', { name: 'Unlock with a passkey' })).toBeVisible();
  await stop(alice, 'locked-with-passkey');
}
