// Passkeys, with the browser's own virtual authenticator.

import { expect, test } from '../support/fixtures.ts';
import { addPasskey, passkeys, plugIn } from '../support/passkeys.ts';

test('a new browser needs the passkey beside the password', async ({ arrive }) => {
  const alice = await arrive('alice');
  await alice.register();
  const laptop = await plugIn(alice.page, false);
  await addPasskey(alice, 'Laptop');
  await expect(passkeys(alice)).toContainText('Needed to sign in');
  const { credentials } = await laptop.cdp.send('WebAuthn.getCredentials', laptop);
  const [credential] = credentials;
  if (!credential) throw new Error('the authenticator holds no passkey');

  const thief = await arrive('alice');
  await thief.signIn();
  await expect(thief.page.getByText('This account also asks for a passkey')).toBeVisible();
  await plugIn(thief.page, false);
  await thief.page.getByRole('button', { name: 'Use your passkey' }).click();
  await expect(thief.page.getByRole('alert')).toContainText('No passkey was given');
  await expect(thief.conversations).toBeHidden();

  const owner = await arrive('alice');
  const phone = await plugIn(owner.page, false);
  await phone.cdp.send('WebAuthn.addCredential', {
    authenticatorId: phone.authenticatorId,
    credential,
  });
  await owner.signIn();
  await owner.page.getByRole('button', { name: 'Use your passkey' }).click();
  await owner.expectSignedIn();

  await passkeys(alice).getByRole('button', { name: 'Remove passkey Laptop' }).click();
  const dialog = alice.page.getByRole('dialog', { name: 'Remove the passkey Laptop?' });
  await dialog.getByRole('textbox', { name: 'Password' }).fill(alice.password);
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(dialog).toBeHidden();
  await thief.page.reload();
  await thief.signIn();
  await thief.expectSignedIn();
});

test('a passkey with a PRF unlocks without the password, and the PRF stays here', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await alice.register();
  await bob.register();
  await alice.createConversation(['bob'], 'Harbour');
  await alice.send('Written before the lock');
  await plugIn(alice.page, true);
  await addPasskey(alice, 'Laptop');
  await expect(passkeys(alice)).toContainText('Needed to sign in, and unlocks');

  await alice.lock();
  await alice.page.getByRole('button', { name: 'Unlock with a passkey' }).click();
  await alice.expectSignedIn();
  await alice.openConversation('Harbour');
  await alice.expectMessage('Written before the lock', { state: 'sent' });
  await alice.send('Written after it');
  await alice.expectMessage('Written after it', { state: 'sent' });

  await alice.watch.settled();
  const sent = alice.watch.frames().map(({ bytes }) => bytes.toString('latin1'));
  expect(sent.some((frame) => frame.includes('clientDataJSON'))).toBe(true);
  expect(sent.filter((frame) => frame.includes('"results"'))).toEqual([]);
});
