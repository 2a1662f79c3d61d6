// Who is whom: links that verify both sides, keys that change, people one does not want to hear from.

import { expect, test } from '../support/fixtures.ts';

test('an invite link, followed before there is an account, verifies both sides', async ({ arrive }) => {
  const alice = await arrive('alice');
  await alice.register();
  const link = await alice.copyLink();

  const bob = await arrive('bob');
  await bob.followLink(link);
  await bob.register('DSA');
  await bob.startFromLink('alice');
  await bob.openMembers();
  await expect(bob.member('alice')).toContainText(/verified by link/i);

  await alice.accept('bob');
  await alice.openConversation('bob');
  await alice.openMembers();
  await expect(alice.member('bob')).toContainText(/verified by link/i);
  await alice.send('I know that it is you');
  await bob.expectMessage('I know that it is you', { author: 'alice' });

  await test.step('it verifies nobody a second time', async () => {
    const carol = await arrive('carol');
    await carol.register();
    await carol.followLink(link);
    await carol.startFromLink('alice');
    await alice.accept('carol');
    await alice.openConversation('carol');
    await alice.openMembers();
    await expect(alice.member('carol')).toBeVisible();
    await expect(alice.member('carol')).not.toContainText(/verified/i);
  });
});

test('keys made in one browser come to the other with the password', async ({ arrive }) => {
  const bob = await arrive('bob');
  await bob.register();
  const alice = await arrive('alice');
  await alice.register();
  await alice.createConversation(['bob'], 'Two browsers');
  await bob.accept('alice');
  await bob.openConversation('Two browsers');
  const second = await arrive('alice');
  await second.signIn();
  await second.expectSignedIn();
  await second.openConversation('Two browsers');

  await alice.makeNewKeys();
  await bob.send('To the new keys');
  await second.send('Written too early');
  await second.expectMessage('Written too early', { state: 'pending' });
  await expect(second.message('To the new keys')).toHaveCount(0);
  await second.fetchKeys();
  await second.openConversation('Two browsers');
  for (const person of [second, bob]) {
    await person.expectMessage('To the new keys', { author: 'bob' });
    await person.expectMessage('Written too early', { state: 'sent' });
  }
});

test('stolen keys: out of every conversation, and back only when the others accept the new ones', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await alice.register();
  await bob.register();
  await alice.createConversation(['bob'], 'Careful');
  await bob.accept('alice');
  await bob.openConversation('Careful');
  await alice.verify('bob');

  await bob.reportKeysStolen();
  await expect(alice.member('bob')).toHaveCount(0);
  await alice.send('Without him');
  await alice.openMembers();
  await alice.members.getByRole('button', { name: 'Invite people' }).click();
  const dialog = alice.page.getByRole('dialog', { name: 'Invite people' });
  await dialog.getByRole('textbox', { name: 'People' }).fill('bob');
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
  // The choice stands where it is needed; the invitation goes out with it.
  await dialog.getByRole('button', { name: 'Accept new keys' }).click();
  await expect(dialog).toBeHidden();
  await expect(alice.member('bob')).not.toContainText(/verified/i);

  await bob.accept('alice');
  await bob.openConversation('Careful');
  await bob.send('It is me again');
  await alice.expectMessage('It is me again', { author: 'bob' });
  await expect(bob.message('Without him')).toHaveCount(0);
});

test('who is blocked is neither heard nor able to invite', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  const carol = await arrive('carol');
  for (const person of [alice, bob, carol]) await person.register();
  await alice.createConversation(['bob', 'carol'], 'Crowd');
  for (const person of [bob, carol]) {
    await person.accept('alice');
    await person.openConversation('Crowd');
  }
  await bob.block('carol');
  await carol.send('Do you hear me?');
  await alice.expectMessage('Do you hear me?', { author: 'carol' });
  await expect(bob.log.getByText('Message from somebody you blocked')).toBeVisible();
  await expect(bob.message('Do you hear me?')).toHaveCount(0);

  await carol.createConversation(['bob'], 'Just you');
  await carol.send('Please');
  await alice.send('Something else');
  await bob.expectMessage('Something else', { author: 'alice' });
  await expect(bob.invitation('carol')).toHaveCount(0);
  await bob.unblock('carol');
  await bob.expectMessage('Do you hear me?', { author: 'carol' });
  await expect(bob.invitation('carol')).toBeVisible();
});
