// What the server and the network must never learn: looked for in everything that they see.

import { expect, test } from '../support/fixtures.ts';
import { findAll } from '../support/needles.ts';

test.use({ logLevel: 'trace' });

const PASSWORD = 'canary-password-Xq7 vTz4 Kw9e';
const TITLE = 'canary-title-Jh3r Pn8d';
const TEXT = 'canary-text-Bv6m Ys2f';
const ANSWER = 'canary-answer-Gt5c Lz1w';
const DRAFT = 'canary-draft-Dk9p Ru7x';

test('password, title and text appear nowhere in database, log, frames and requests', async ({
  arrive,
  server,
}) => {
  const alice = await arrive('alice', { password: PASSWORD });
  const bob = await arrive('bob');
  await alice.register('RSA-PSS');
  await bob.register('DSA');
  await alice.createConversation(['bob'], TITLE);
  await bob.accept('alice');
  await bob.openConversation(TITLE);
  await alice.send(TEXT);
  await bob.expectMessage(TEXT, { signature: 'rsa-pss' });
  await bob.send(ANSWER);
  await alice.expectMessage(ANSWER, { signature: 'dsa' });
  await alice.leaveDraft(DRAFT, TITLE);
  await alice.reload();
  await alice.openConversation(TITLE);
  await expect(alice.composer).toHaveValue(DRAFT);

  const another = await arrive('alice', { password: PASSWORD });
  await another.signIn();
  await another.expectSignedIn();
  await another.openConversation(TITLE);
  await another.expectMessage(TEXT, { signature: 'rsa-pss' });

  const people = [alice, bob, another];
  await Promise.all(people.map((person) => person.watch.settled()));
  const seen = () => [
    ...server.files().map(({ name, bytes }) => ({ where: `file ${name}`, bytes })),
    { where: 'log', bytes: Buffer.from(server.log()) },
    ...people.flatMap((person) => person.watch.traffic),
  ];
  const running = seen();
  await server.stop();
  for (const person of people) person.watch.allow(/WebSocket/, /ERR_CONNECTION_/);
  const stopped = seen();

  await test.step('what is looked through is what the server and the network saw', async () => {
    // Names are no secret: they must be where the canaries must not, or this would look at nothing.
    const alices = findAll('alice', running).join('\n');
    expect(alices).toContain('in frame sent');
    expect(alices).toContain('in frame received');
    expect(alices).toMatch(/in file .*\.db/);
    expect(running.some(({ where }) => where.endsWith('-wal'))).toBe(true);
    expect(server.log()).toMatch(/TRACE .*Append/);
    expect(findAll('alice', [{ where: 'log', bytes: Buffer.from(server.log()) }])).toEqual([]);
    expect(alice.watch.frames().length).toBeGreaterThan(10);
  });

  for (const canary of [PASSWORD, TITLE, TEXT, ANSWER, DRAFT]) {
    expect(findAll(canary, running)).toEqual([]);
    expect(findAll(canary, stopped)).toEqual([]);
  }
  // A part would be a leak too.
  for (const part of ['Xq7 vTz4', 'Jh3r Pn8d', 'Bv6m Ys2f', 'Gt5c Lz1w', 'Dk9p Ru7x']) {
    expect(findAll(part, running)).toEqual([]);
  }
});
