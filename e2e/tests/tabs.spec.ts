// Many tabs of one person: one engine leads, all show the same.

import { expect, test } from '../support/fixtures.ts';

test('two tabs show the same, and the second goes on when the first is closed', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await alice.register();
  await bob.register('DSA');
  await alice.createConversation(['bob'], 'Tabs');
  await bob.accept('alice');
  await bob.openConversation('Tabs');

  const first = alice.page;
  const second = await alice.openTab();
  alice.use(second);
  await alice.expectSignedIn();
  await alice.openConversation('Tabs');
  await alice.send('From the second tab');
  await alice.expectMessage('From the second tab', { state: 'sent', signature: 'rsa-pss' });
  alice.use(first);
  await alice.expectMessage('From the second tab', { state: 'sent', signature: 'rsa-pss' });
  await alice.send('From the first tab');
  await alice.expectMessage('From the first tab', { state: 'sent' });
  alice.use(second);
  await alice.expectMessage('From the first tab', { state: 'sent' });
  await bob.send('To both tabs');
  for (const page of [first, second]) {
    alice.use(page);
    await alice.expectMessage('To both tabs', { signature: 'dsa' });
  }

  // The first one led.
  await first.close();
  alice.use(second);
  await alice.send('The first tab is closed');
  await alice.expectMessage('The first tab is closed', { state: 'sent' });
  await bob.expectMessage('The first tab is closed', { signature: 'rsa-pss' });
  await bob.send('I can still read you');
  await alice.expectMessage('I can still read you', { signature: 'dsa' });

  const texts = [
    'From the second tab',
    'From the first tab',
    'To both tabs',
    'The first tab is closed',
    'I can still read you',
  ];
  await expect.poll(() => alice.texts(texts)).toEqual(texts);
  await expect.poll(() => bob.texts(texts)).toEqual(texts);
});
