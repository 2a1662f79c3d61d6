// An account that survives: other browsers, lost passwords, lost storage, locks.

import { type Page } from '@playwright/test';

import { expect, test } from '../support/fixtures.ts';
import type { Person } from '../support/person.ts';
import { everythingStored } from '../support/storage.ts';

const DATABASE = 'secure-chat';

/** Two people who know each other, in a conversation that is open in both browsers. */
async function acquainted(alice: Person, bob: Person): Promise<void> {
  await alice.register();
  await bob.register('DSA');
  await alice.createConversation(['bob'], 'Harbour');
  await bob.accept('alice');
  await bob.openConversation('Harbour');
  await alice.send('Is the boat still there?');
  await bob.expectMessage('Is the boat still there?', { signature: 'rsa-pss' });
  await bob.send('It is, and it floats.');
  await alice.expectMessage('It is, and it floats.', { signature: 'dsa' });
}

const SAID = ['Is the boat still there?', 'It is, and it floats.'];

test('a second browser has everything, and the first one is told', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await acquainted(alice, bob);
  await alice.verify('bob');

  const elsewhere = await arrive('alice');
  await elsewhere.signIn();
  await elsewhere.expectSignedIn();
  await elsewhere.openConversation('Harbour');
  await expect.poll(() => elsewhere.texts(SAID)).toEqual(SAID);
  await elsewhere.expectMessage('It is, and it floats.', { signature: 'dsa', author: 'bob' });
  await elsewhere.openMembers();
  await expect(elsewhere.member('bob').getByRole('img', { name: 'Verified' })).toBeVisible();

  await expect(alice.note(/^New sign-in: .+ on .+, \d?\d:\d\d\./)).toBeVisible();
  await expect(bob.note(/New sign-in/)).toHaveCount(0);

  await elsewhere.send('Written in the other browser');
  await elsewhere.expectMessage('Written in the other browser', { state: 'sent', signature: 'rsa-pss' });
  for (const person of [alice, bob]) {
    await person.expectMessage('Written in the other browser', { signature: 'rsa-pss' });
  }
  // Her own, not somebody else's.
  await expect(alice.message('Written in the other browser')).toHaveClass(/\bown\b/);
  await alice.send('And this in the first');
  await elsewhere.expectMessage('And this in the first', { state: 'sent' });
  await expect(elsewhere.message('And this in the first')).toHaveClass(/\bown\b/);
});

test('browsers are listed with their places and ended, one and all', async ({ arrive }) => {
  const alice = await arrive('alice');
  await alice.register();
  const others = [await arrive('alice'), await arrive('alice'), await arrive('alice')];
  for (const other of others) {
    await other.signIn();
    await other.expectSignedIn();
  }
  await alice.openSettings();
  const sessions = alice.page.getByRole('region', { name: 'Signed-in browsers' });
  await expect(sessions.getByRole('listitem')).toHaveCount(4);
  for (const row of await sessions.getByRole('listitem').all()) {
    await expect(row).toContainText(/ on /);
    await expect(row).toContainText('on the server’s own machine');
  }
  await sessions.getByRole('button', { name: /^End session of/ }).first().click();
  await expect(sessions.getByRole('listitem')).toHaveCount(3);
  // One of them is out; which one, the list does not say.
  await expect
    .poll(async () => {
      const out = await Promise.all(others.map((other) => other.userName.isVisible()));
      return out.filter(Boolean).length;
    })
    .toBe(1);

  await sessions.getByRole('button', { name: 'End all others' }).click();
  await alice.answer('End all other sessions?', 'End all others');
  await expect(sessions.getByRole('listitem')).toHaveCount(1);
  for (const other of others) await expect(other.userName).toBeVisible();
  await alice.expectSignedIn();
});

test('a changed password ends other sessions, and the old one opens nothing', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await acquainted(alice, bob);
  const elsewhere = await arrive('alice');
  await elsewhere.signIn();
  await elsewhere.expectSignedIn();

  const password = 'five herons under the viaduct';
  const code = await elsewhere.changePassword(password);
  await expect(alice.userName).toBeVisible();
  await expect(alice.note(/signed out from elsewhere/)).toBeVisible();
  await elsewhere.openConversation('Harbour');
  await elsewhere.send('New locks on the boat house');
  await bob.expectMessage('New locks on the boat house', { signature: 'rsa-pss' });

  await alice.signIn();
  await expect(alice.page.getByRole('alert').filter({ hasText: 'wrong' })).toBeVisible();
  await alice.signIn(password);
  await alice.expectSignedIn();
  await alice.openConversation('Harbour');
  await alice.expectMessage('New locks on the boat house', { state: 'sent' });
  await expect.poll(() => alice.texts(SAID)).toEqual(SAID);

  // The code is the new one.
  await alice.checkCode(code, true);
  await alice.checkCode('0000-0000-0000-0000-0000-0000-0000-0000', false);
});

test('browsers that are kept go on with the new password', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await acquainted(alice, bob);
  const elsewhere = await arrive('alice');
  await elsewhere.signIn();
  await elsewhere.expectSignedIn();
  const password = 'seven otters in a row';
  await elsewhere.changePassword(password, { keep: true });

  await expect(alice.note(/replaced in another browser/)).toBeVisible();
  await bob.send('Are you there?');
  await alice.fetchKeys(password);
  await alice.expectMessage('Are you there?', { signature: 'dsa' });
  await alice.send('Still here');
  await bob.expectMessage('Still here', { signature: 'rsa-pss' });

  // And again locked and opened: what is kept is under the new key now.
  await alice.lock();
  await alice.unlock(password);
  await alice.openConversation('Harbour');
  await alice.expectMessage('Still here', { state: 'sent' });
});

test('the recovery code brings everything back without the password', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  const first = await alice.registerAndKeepCode();
  await bob.register('DSA');
  await alice.createConversation(['bob'], 'Harbour');
  await bob.accept('alice');
  await bob.openConversation('Harbour');
  for (const text of SAID) {
    await alice.send(text);
    await bob.expectMessage(text, { signature: 'rsa-pss' });
  }
  await alice.verify('bob');

  const elsewhere = await arrive('alice');
  const password = 'nine lanterns at low tide';
  await elsewhere.recover('0000 0000 0000 0000 0000 0000 0000 0000', password);
  await expect(elsewhere.page.getByText('There is a typing error')).toBeVisible();
  const wrong = await (await arrive('carol')).registerAndKeepCode();
  await elsewhere.recover(wrong, password);
  await expect(elsewhere.page.getByRole('alert').filter({ hasText: 'recovery code is wrong' })).toBeVisible();
  await elsewhere.recover(first, password);
  const second = await elsewhere.keepCode();
  expect(second).not.toBe(first);
  await elsewhere.expectSignedIn();
  await elsewhere.openConversation('Harbour');
  await expect.poll(() => elsewhere.texts(SAID)).toEqual(SAID);
  await elsewhere.openMembers();
  await expect(elsewhere.member('bob').getByRole('img', { name: 'Verified' })).toBeVisible();
  await elsewhere.send('Found my way back');
  await bob.expectMessage('Found my way back', { signature: 'rsa-pss' });

  // Whoever had the password or the code has nothing now.
  await expect(alice.userName).toBeVisible();
  await alice.signIn();
  await expect(alice.page.getByRole('alert').filter({ hasText: 'wrong' })).toBeVisible();
  await alice.recover(first, password);
  await expect(alice.page.getByRole('alert').filter({ hasText: 'recovery code is wrong' })).toBeVisible();
  await alice.signIn(password);
  await alice.expectSignedIn();
});

test('a database deleted under a running page is built again', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await acquainted(alice, bob);
  await alice.leaveDraft('Half a thought', 'Harbour');
  const second = await alice.openTab();

  for (const page of [alice.page, second]) {
    await deleteDatabase(page);
    await expect(alice.note(/built again from the server/)).toBeVisible();
    await alice.note(/built again from the server/).getByRole('button', { name: 'Close' }).click();
    await expect(alice.note(/built again from the server/)).toHaveCount(0);
  }
  await expect(alice.composer).toHaveValue('Half a thought');
  await alice.send('Nothing was lost');
  await alice.expectMessage('Nothing was lost', { state: 'sent' });
  await bob.send('Then I am glad');
  await alice.expectMessage('Then I am glad', { signature: 'dsa' });

  // What was built again lies on the device: the keys, the session, the messages.
  await alice.reload();
  await alice.openConversation('Harbour');
  const all = [...SAID, 'Nothing was lost', 'Then I am glad'];
  await expect.poll(() => alice.texts(all)).toEqual(all);
  await alice.send('And after a reload');
  await bob.expectMessage('And after a reload', { signature: 'rsa-pss' });
});

test('a database deleted between two visits is explained, and signing in brings it back', async ({
  arrive,
  server,
}) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await acquainted(alice, bob);
  await leaveSite(alice.page, server.origin);
  await deleteDatabase(alice.page);
  await alice.open();
  await expect(alice.page.getByText('The data of alice in this browser is gone')).toBeVisible();
  await alice.page.reload();
  await alice.signIn();
  await alice.expectSignedIn();
  await alice.openConversation('Harbour');
  await expect.poll(() => alice.texts(SAID)).toEqual(SAID);
  await expect(alice.page.getByText('The data of alice')).toHaveCount(0);

  // Who signs out on purpose is not told so.
  await alice.signOut();
  await alice.page.reload();
  await expect(alice.userName).toBeVisible();
  await expect(alice.page.getByText('The data of alice')).toHaveCount(0);
});

for (const [what, damage] of [
  ['every record of a table', { store: 'conversations' }],
  ['the account', { store: 'meta' }],
  ['the keys', { store: 'keys' }],
] as const) {
  test(`a damaged database is built again: ${what}`, async ({ arrive, server }) => {
    const alice = await arrive('alice');
    const bob = await arrive('bob');
    await acquainted(alice, bob);
    await leaveSite(alice.page, server.origin);
    await spoil(alice.page, damage.store);
    await alice.open();
    await expect(alice.note(/built again from the server/)).toBeVisible();
    // No loop: it is said once, and then there is a page that works.
    if (damage.store !== 'conversations') {
      await alice.signIn();
    }
    await alice.expectSignedIn();
    await alice.openConversation('Harbour');
    await expect.poll(() => alice.texts(SAID)).toEqual(SAID);
    await alice.send('All there');
    await bob.expectMessage('All there', { signature: 'rsa-pss' });
    await alice.reload();
    await alice.openConversation('Harbour');
    await alice.expectMessage('All there', { state: 'sent' });
    await expect(alice.note(/built again from the server/)).toHaveCount(0);
  });
}

test('a locked browser gives nothing away, and the password opens it as it was', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await acquainted(alice, bob);
  await alice.leaveDraft('Half a thought', 'Harbour');
  await alice.lock();
  await expect(alice.page.getByText('alice', { exact: true })).toBeVisible();
  for (const text of [...SAID, 'Half a thought', 'Harbour']) {
    await expect(alice.page.getByText(text)).toHaveCount(0);
  }
  expect(await keysStored(alice.page)).toBe(0);
  await bob.send('While you were locked');
  await alice.page.reload();
  await expect(alice.unlockButton).toBeVisible();

  await alice.unlock('not the password at all');
  await expect(alice.page.getByRole('alert').filter({ hasText: 'wrong' })).toBeVisible();
  await alice.unlock();
  await alice.expectSignedIn();
  await alice.openConversation('Harbour');
  await expect(alice.composer).toHaveValue('Half a thought');
  await alice.expectMessage('While you were locked', { signature: 'dsa' });
  await alice.send('Open again');
  await bob.expectMessage('Open again', { signature: 'rsa-pss' });
  // It is the same session, not one more.
  await alice.openSettings();
  const sessions = alice.page.getByRole('region', { name: 'Signed-in browsers' });
  await expect(sessions.getByRole('listitem')).toHaveCount(1);
});

test('two tabs of a browser are locked and opened together', async ({ arrive }) => {
  const alice = await arrive('alice');
  await alice.register();
  const first = alice.page;
  const second = await alice.openTab();
  alice.use(second);
  await alice.expectSignedIn();
  await alice.lock();
  alice.use(first);
  await expect(alice.unlockButton).toBeVisible();
  await alice.unlock();
  await alice.expectSignedIn();
  alice.use(second);
  await alice.expectSignedIn();

  // The one that leads is closed while it is locked.
  await alice.lock();
  await first.close();
  await alice.unlock();
  await alice.expectSignedIn();
});

test('a browser that nobody uses locks itself, also while it is closed', async ({ arrive }) => {
  const alice = await arrive('alice');
  await alice.page.clock.install();
  await alice.register();
  await alice.openSettings();
  const after = alice.page.getByRole('radiogroup', { name: 'Lock when nobody uses it' });
  await expect(after.getByRole('radio', { name: 'Never' })).toBeChecked();
  await after.getByRole('radio', { name: 'After 5 minutes' }).press('Space');
  await alice.page.clock.runFor(4 * 60_000);
  await alice.expectSignedIn();
  await alice.page.mouse.click(1, 1);
  await alice.page.clock.runFor(4 * 60_000);
  await alice.expectSignedIn();
  await alice.page.clock.runFor(70_000);
  await expect(alice.unlockButton).toBeVisible();
  await alice.unlock();
  await alice.expectSignedIn();

  // Nobody was here for an hour.
  await alice.page.clock.setSystemTime(Date.now() + 2 * 3_600_000);
  await alice.page.reload();
  await expect(alice.unlockButton).toBeVisible();
});

test('somebody else signs in on a locked browser', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await acquainted(alice, bob);
  await alice.lock();
  await alice.page.getByRole('button', { name: 'Sign in as somebody else' }).click();
  await alice.answer('Make room for somebody else?', 'Wipe and go on');
  await expect(alice.userName).toBeVisible();
  await expect(alice.page.getByText('The data of alice')).toHaveCount(0);
  const carol = await arrive('carol', { context: alice.context });
  await carol.register();
  await expect(carol.conversation('Harbour')).toHaveCount(0);
});

test('a deleted account is gone, and what it wrote stays with others', async ({ arrive }) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await acquainted(alice, bob);
  const elsewhere = await arrive('alice');
  await elsewhere.signIn();
  await elsewhere.expectSignedIn();
  await alice.openSettings();
  await alice.page.getByRole('button', { name: 'Delete account' }).click();
  const dialog = alice.page.getByRole('dialog', { name: 'Delete your account?' });
  await dialog.getByLabel('Password', { exact: true }).fill('not the password at all');
  await dialog.getByRole('button', { name: 'Delete account' }).click();
  await expect(dialog.getByRole('alert')).toContainText('wrong');
  await dialog.getByLabel('Password', { exact: true }).fill(alice.password);
  await dialog.getByRole('button', { name: 'Delete account' }).click();
  for (const person of [alice, elsewhere]) await expect(person.userName).toBeVisible();
  await expect(alice.page.getByText('The data of alice')).toHaveCount(0);

  await bob.expectMessage('Is the boat still there?', { signature: 'rsa-pss', author: 'alice' });
  await bob.expectHistory('alice left.', 'RSA-PSS');
  await bob.reload();
  await bob.openConversation('Harbour');
  await bob.expectMessage('Is the boat still there?', { signature: 'rsa-pss', author: 'alice' });
  await alice.signIn();
  await expect(alice.page.getByRole('alert').filter({ hasText: 'wrong' })).toBeVisible();
});

test('whose password is tried is told', async ({ arrive }) => {
  const alice = await arrive('alice');
  await alice.register();
  const mallory = await arrive('alice');
  for (let tried = 0; tried < 6; tried += 1) await mallory.guess(`guess number ${tried}`);
  const banner = alice.page.getByRole('alert').filter({ hasText: 'tried 5 times' });
  await expect(banner).toBeVisible();
  await banner.getByRole('button', { name: 'I have seen it' }).click();
  await expect(banner).toHaveCount(0);
  await alice.reload();
  await expect(banner).toHaveCount(0);
});

test.describe('by invitation', () => {
  test.use({ serverArgs: ['--registration', 'code'] });

  test('a server that takes people by invitation asks for the code', async ({ arrive, server }) => {
    const alice = await arrive('alice');
    await alice.fillRegistration();
    const code = alice.page.getByRole('textbox', { name: 'Invitation code' });
    await expect(code).toBeVisible();
    await code.fill('NOT-A-CODE');
    await alice.page.getByRole('button', { name: 'Create account' }).click();
    await expect(alice.page.getByRole('alert').filter({ hasText: 'invitation code is wrong' })).toBeVisible();
    const [given] = server.command('invite-code').trim().split(/\s+/);
    await alice.fillRegistration();
    await code.fill(given ?? '');
    await alice.page.getByRole('button', { name: 'Create account' }).click();
    await alice.recoveryDialog.getByRole('button', { name: 'Later' }).click();
    await alice.expectSignedIn();
  });
});

test.describe('closed', () => {
  test.use({ serverArgs: ['--registration', 'closed'] });

  test('a server that takes nobody says so before anything is typed', async ({ arrive }) => {
    const alice = await arrive('alice');
    await alice.open();
    await alice.page.getByRole('link', { name: 'Create account' }).click();
    await expect(alice.page.getByText('This server takes no new accounts')).toBeVisible();
    await expect(alice.userName).toHaveCount(0);
  });
});

/** As a person who empties the browser's cupboard. */
async function deleteDatabase(page: Page): Promise<void> {
  await page.evaluate(
    (name) =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = () => resolve();
        request.onerror = () => reject(request.error);
      }),
    DATABASE,
  );
}

/** A page of the same origin on which no engine runs. */
async function leaveSite(page: Page, origin: string): Promise<void> {
  const empty = '<!doctype html><link rel="icon" href="/favicon.svg">';
  await page.route(`${origin}/empty`, (route) => route.fulfill({ contentType: 'text/html', body: empty }));
  await page.goto(`${origin}/empty`);
}

/** Alters the last byte of every binary value of a store; of keys, the sealed ones. */
async function spoil(page: Page, store: string): Promise<void> {
  await page.evaluate(
    async ({ name, store }) => {
      const answer = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const database = await answer(indexedDB.open(name));
      const objects = database.transaction(store, 'readwrite').objectStore(store);
      const keys = await answer(objects.getAllKeys());
      const values = await answer(objects.getAll());
      const alter = (bytes: Uint8Array) => {
        const last = bytes.length - 1;
        bytes[last] = (bytes[last] ?? 0) ^ 1;
      };
      for (const [index, key] of keys.entries()) {
        const value: unknown = values[index];
        if (value instanceof Uint8Array) {
          alter(value);
        } else if (value && typeof value === 'object' && 'versions' in value) {
          for (const version of value.versions as { dsaSigning: Uint8Array }[]) alter(version.dsaSigning);
        }
        await answer(objects.put(value, key));
      }
      database.close();
    },
    { name: DATABASE, store },
  );
}

/** How many keys of any kind lie in the browser. */
async function keysStored(page: Page): Promise<number> {
  const { keys } = await everythingStored(page);
  return keys.length;
}
