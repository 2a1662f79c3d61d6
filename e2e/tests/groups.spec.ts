// Groups: who comes, who goes, and what each of them can read.

import type { Traffic } from '../support/watch.ts';

import { expect, test } from '../support/fixtures.ts';
import type { Person } from '../support/person.ts';

test('somebody invited while offline reads from there on, and nothing before', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  const carol = await arrive('carol');
  await alice.register('RSA-PSS');
  await bob.register('DSA');
  await carol.register('RSA-PSS');

  await alice.createConversation(['bob'], 'Llamas');
  await bob.accept('alice');
  await bob.openConversation('Llamas');
  await alice.send('Between the two of us');
  await bob.expectMessage('Between the two of us', { signature: 'rsa-pss' });

  await test.step('carol is away while bob invites her', async () => {
    await carol.page.goto('about:blank');
    await bob.invite(['carol']);
    await expect(bob.page.getByText('carol is offline').first()).toBeVisible();
    await bob.send('Welcome, carol');
    await alice.expectMessage('Welcome, carol', { signature: 'dsa' });
  });

  await test.step('she comes back, joins, and reads what followed her invitation', async () => {
    await carol.open();
    await carol.accept('bob');
    await carol.openConversation('Llamas');
    await carol.expectMessage('Welcome, carol', { signature: 'dsa', author: 'bob' });
    await carol.send('Hello both');
    for (const person of [alice, bob]) await person.expectMessage('Hello both', { author: 'carol' });
    await expect(carol.message('Between the two of us')).toHaveCount(0);
    await carol.reload();
    await carol.openConversation('Llamas');
    await carol.expectMessage('Hello both');
    await expect(carol.message('Between the two of us')).toHaveCount(0);
  });

  await test.step('an admin shares what came before', async () => {
    await alice.shareHistory('carol');
    await carol.expectMessage('Between the two of us', { signature: 'rsa-pss', author: 'alice' });
    const said = ['Between the two of us', 'Welcome, carol', 'Hello both'];
    await expect.poll(() => carol.texts(said)).toEqual(said);
  });

  await test.step('the log says who did what, and how each signed it', async () => {
    await carol.expectHistory('bob invited carol', 'DSA');
    await carol.expectHistory('alice invited bob', 'RSA-PSS');
    await carol.expectHistory('alice shared', 'RSA-PSS');
    await expectOneLog(alice, bob, carol);
  });
});

test('who leaves or is removed reads nothing that follows', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  const carol = await arrive('carol');
  for (const person of [alice, bob, carol]) await person.register();
  await alice.createConversation(['bob', 'carol'], 'Alpacas');
  for (const person of [bob, carol]) {
    await person.accept('alice');
    await person.openConversation('Alpacas');
  }
  await alice.send('All three of us');
  for (const person of [bob, carol]) await person.expectMessage('All three of us');

  await test.step('bob leaves', async () => {
    await bob.leave();
    await expect(alice.log.getByText('bob left.')).toBeVisible();
    await expectUnheard(bob, alice, 'Without bob', [carol]);
    await bob.openConversation('Alpacas');
    await bob.expectMessage('All three of us');
    await expect(bob.message('Without bob')).toHaveCount(0);
    await expect(bob.composer).toHaveCount(0);
  });

  await test.step('carol is made admin, then an ordinary member, then removed', async () => {
    await alice.makeAdmin('carol');
    await carol.expectRole('carol', 'admin');
    await alice.makeMember('carol');
    await carol.expectRole('carol', 'member');
    await alice.remove('carol');
    await expect(carol.composer).toHaveCount(0);
    await expectUnheard(carol, alice, 'Alone again', []);
    await carol.reload();
    await carol.openConversation('Alpacas');
    await carol.expectMessage('Without bob');
    await expect(carol.message('Alone again')).toHaveCount(0);
  });
});

test('two who invite at the same moment end on one log', async ({ arrive }) => {
  const people = ['alice', 'bob', 'carol', 'dave'];
  const [alice, bob, carol, dave] = await Promise.all(people.map((name) => arrive(name)));
  if (!alice || !bob || !carol || !dave) throw new Error('nobody arrived');
  for (const person of [alice, bob, carol, dave]) await person.register();
  await alice.createConversation(['bob'], 'Vicuñas');
  await bob.accept('alice');
  await bob.openConversation('Vicuñas');

  await Promise.all([alice.invite(['carol']), bob.invite(['dave'])]);
  await carol.accept('alice');
  await dave.accept('bob');
  for (const person of [carol, dave]) await person.openConversation('Vicuñas');
  await dave.send('Hello all');
  for (const person of [alice, bob, carol]) await person.expectMessage('Hello all', { author: 'dave' });
  for (const person of [alice, bob, carol, dave]) {
    await person.openMembers();
    await expect(person.members.getByRole('listitem')).toHaveCount(4);
  }
  await expectOneLog(alice, bob, carol, dave);
});

test('a switch from RSA-PSS to DSA in the middle, and new keys', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  const carol = await arrive('carol');
  for (const person of [alice, bob, carol]) await person.register('RSA-PSS');
  await alice.createConversation(['bob', 'carol'], 'Guanacos');
  for (const person of [bob, carol]) {
    await person.accept('alice');
    await person.openConversation('Guanacos');
  }
  await bob.verify('alice');
  await alice.send('By RSA');
  await bob.expectMessage('By RSA', { signature: 'rsa-pss' });

  await alice.changeAlgorithm('DSA');
  await alice.openConversation('Guanacos');
  await alice.send('By DSA');
  for (const person of [alice, bob, carol]) {
    await person.expectMessage('By RSA', { signature: 'rsa-pss' });
    await person.expectMessage('By DSA', { signature: 'dsa' });
  }
  await expect(bob.member('alice')).toContainText(/since verified/i);

  await alice.makeNewKeys();
  await alice.openConversation('Guanacos');
  await alice.send('With new keys');
  await bob.send('To new keys');
  for (const person of [alice, bob, carol]) {
    await person.expectMessage('With new keys', { signature: 'dsa' });
    await person.expectMessage('To new keys', { signature: 'rsa-pss' });
  }
  expect(await alice.safetyNumber('bob')).toBe(await bob.safetyNumber('alice'));
  await expectOneLog(alice, bob, carol);
});

test('a server-managed conversation through joining and leaving', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  const carol = await arrive('carol');
  await alice.register('RSA-PSS');
  await bob.register('DSA');
  await carol.register('RSA-PSS');
  await alice.createConversation(['bob'], 'At work', { managed: true });
  await expect(bob.invitation('alice')).toContainText('Server-managed');
  await bob.accept('alice');
  await bob.openConversation('At work');
  await alice.send('First');
  await bob.expectMessage('First', { signature: 'rsa-pss' });

  await bob.invite(['carol']);
  await carol.accept('bob');
  await carol.openConversation('At work');
  await expect(carol.conversation('At work')).toContainText('Server-managed');
  await carol.send('Second');
  for (const person of [alice, bob]) await person.expectMessage('Second', { author: 'carol' });
  await expect(carol.message('First')).toHaveCount(0);

  await bob.leave();
  await expect(alice.log.getByText('bob left.')).toBeVisible();
  await expectUnheard(bob, alice, 'Third', [carol]);
  await expectOneLog(alice, carol);
});

/** All of them have the same newest state of the log. */
async function expectOneLog(first: Person, ...others: Person[]): Promise<void> {
  const code = () => first.headCode();
  for (const other of others) await expect.poll(() => other.headCode()).toBe(await code());
}

/** What somebody writes reaches these, and nothing of it reaches who has gone. */
async function expectUnheard(gone: Person, author: Person, text: string, readers: Person[]): Promise<void> {
  const before = author.watch.frames().length;
  await author.send(text);
  await author.expectMessage(text);
  for (const reader of readers) await reader.expectMessage(text);
  const sealed = author.watch.frames().slice(before).filter(isSentMessage);
  expect(sealed.length).toBeGreaterThan(0);
  const heard = Buffer.concat(gone.watch.frames().map(({ bytes }) => bytes));
  for (const { bytes } of sealed) {
    // Somewhere in the middle of the seal: no two frames have these bytes by chance.
    expect(heard.includes(bytes.subarray(-600, -500))).toBe(false);
  }
  const reader = readers[0];
  if (reader) {
    const got = Buffer.concat(reader.watch.frames().map(({ bytes }) => bytes));
    expect(sealed.some(({ bytes }) => got.includes(bytes.subarray(-600, -500)))).toBe(true);
  }
}

/**
 * Whether it is a request to append a message: an entry is an array of three, of which a message's first is 2 and the
 * second a byte string. Other entries that are sent while writing, such as a title sealed anew, are not sealed whole.
 */
function isSentMessage({ where, bytes }: Traffic): boolean {
  return where === 'frame sent' && /\x83\x02[\x58\x59]/.test(bytes.subarray(0, 80).toString('latin1'));
}
