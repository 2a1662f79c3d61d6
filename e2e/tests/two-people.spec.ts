// The main job: two people, two algorithms, one conversation that outlives reloads and a killed server.

import { expect, test } from '../support/fixtures.ts';

test('two people talk, each signing in his own way, through reloads and a killed server', async ({
  arrive,
  server,
}) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await alice.register('RSA-PSS');
  await bob.register('DSA');

  await alice.createConversation(['bob'], 'Llamas');
  await bob.accept('alice');
  await bob.openConversation('Llamas');

  await alice.send('Hello Bob, signed with RSA');
  await bob.expectMessage('Hello Bob, signed with RSA', { signature: 'rsa-pss', author: 'alice' });
  await bob.send('Hello Alice, signed with DSA');
  for (const person of [alice, bob]) {
    await person.expectMessage('Hello Bob, signed with RSA', { signature: 'rsa-pss' });
    await person.expectMessage('Hello Alice, signed with DSA', { signature: 'dsa' });
  }

  const said = ['Hello Bob, signed with RSA', 'Hello Alice, signed with DSA'];
  for (const person of [alice, bob]) {
    await test.step(`${person.name} reloads`, async () => {
      await person.reload();
      await person.openConversation('Llamas');
      await person.expectMessage(said[0]!, { signature: 'rsa-pss' });
      await person.expectMessage(said[1]!, { signature: 'dsa' });
      await expect.poll(() => person.texts(said)).toEqual(said);
    });
  }

  await test.step('the server is killed while a message is on its way', async () => {
    // While it is gone, every attempt to connect fails, and the browser says so.
    for (const person of [alice, bob]) person.watch.allow(/WebSocket/, /ERR_CONNECTION_/);
    await alice.send('Acknowledged before the end');
    await alice.expectMessage('Acknowledged before the end', { state: 'sent' });
    await alice.send('Perhaps acknowledged');
    await server.kill9();
    await alice.send('Written while nobody listens');
    await bob.send('Nor to me');
    await alice.expectMessage('Written while nobody listens', { state: 'pending' });
    await bob.expectMessage('Nor to me', { state: 'pending' });
  });

  await test.step('it returns: both reconnect by themselves, everything is there exactly once', async () => {
    await server.start();
    const later = [
      ...said,
      'Acknowledged before the end',
      'Perhaps acknowledged',
      'Written while nobody listens',
      'Nor to me',
    ];
    for (const person of [alice, bob]) {
      for (const text of later) await person.expectMessage(text, { state: 'sent' });
    }
    const order = await alice.texts(later);
    expect(order.toSorted()).toEqual(later.toSorted());
    await expect.poll(() => bob.texts(later)).toEqual(order);

    for (const person of [alice, bob]) {
      await person.reload();
      await person.openConversation('Llamas');
      for (const text of later) await person.expectMessage(text, { state: 'sent' });
      await expect.poll(() => person.texts(later)).toEqual(order);
    }
  });
});

test('a wrong password and an unknown name get the same answer', async ({ arrive }) => {
  const alice = await arrive('alice');
  await alice.register();

  const stranger = await arrive('alice');
  await stranger.signIn('not the password of alice');
  const sentence = stranger.page.getByRole('alert');
  await expect(sentence).not.toBeEmpty();
  const wrongPassword = await sentence.innerText();

  const nobody = await arrive('nobody');
  await nobody.signIn('not the password of alice');
  await expect(nobody.page.getByRole('alert')).toHaveText(wrongPassword);
});
