// What a change of readers costs in the browser, by the size of the group; against as many RSA-OAEP wraps alone.
// npm run bench; BENCH_MEMBERS says for which sizes, BENCH_JSON where the figures go too, LOADTEST_BIN who makes the
// accounts.

import { execFileSync } from 'node:child_process';

import { longestTask, putClock } from '../support/clock.ts';
import { type Row, tell } from '../support/figures.ts';
import { expect, test } from '../support/fixtures.ts';
import { Person } from '../support/person.ts';

test.use({ logLevel: 'warn', serverArgs: ['--registrations-per-hour', '1000000'], trace: 'off' });

test('rekey', async ({ browser, server }) => {
  test.setTimeout(1_800_000);
  const sizes = (process.env.BENCH_MEMBERS ?? '2,10,100,500').split(',').map(Number);
  const most = Math.max(...sizes);
  const loadtest = process.env.LOADTEST_BIN;
  if (!loadtest) throw new Error('LOADTEST_BIN is not set');
  execFileSync(loadtest, ['register', '--address', `127.0.0.1:${server.port}`, '--count', String(most)]);

  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await putClock(context);
  const alice = await Person.arrive(context, server, 'alice');
  let sent = 0;
  alice.page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => (sent += payload.length));
  });
  await alice.register('RSA-PSS');
  const rows: Row[] = [];
  const curves: Record<'created' | 'one removed' | 'wraps alone', [number, number][]> = {
    created: [],
    'one removed': [],
    'wraps alone': [],
  };
  for (const members of sizes) {
    const names = Array.from({ length: members - 1 }, (_, n) => `member${n + 1}`);
    await longestTask(alice.page);
    const createSent = sent;
    const createMs = await timeToCreate(alice, names, `group of ${members}`);
    const createKB = (sent - createSent) / 1000;
    const createTask = await longestTask(alice.page);
    await alice.openMembers();
    const removeSent = sent;
    const removeMs = await timeToRemove(alice, names[0] ?? '');
    const removeBytes = (sent - removeSent) / members;
    const removeTask = await longestTask(alice.page);
    const wrapsMs = await alice.page.evaluate(wraps, members);
    const baseline = { baseline: 'as many RSA-OAEP wraps by WebCrypto', baselineValue: wrapsMs };
    rows.push(
      { what: `creating a group of ${members}`, value: createMs, unit: 'ms', ...baseline, longestTaskMs: createTask },
      { what: `sent to create a group of ${members}`, value: createKB, unit: 'kB' },
      {
        what: `removing one of ${members}`,
        value: removeMs,
        unit: 'ms',
        ...baseline,
        longestTaskMs: removeTask,
        ...(members === 500 && { goal: '<= 300' }),
      },
      {
        what: `sent to remove one of ${members}, a reader`,
        value: removeBytes,
        unit: 'bytes',
        ...(members === 500 && { goal: '<= 550' }),
      },
    );
    curves.created.push([members, createMs]);
    curves['one removed'].push([members, removeMs]);
    curves['wraps alone'].push([members, wrapsMs]);
  }
  const plot = {
    file: 'rekey-browser',
    title: 'Groups in the browser',
    x: { label: 'readers', log: true },
    y: { label: 'ms', log: true },
    series: Object.entries(curves).map(([name, points]) => ({ name, points })),
  };
  tell('rekey-browser', `Chromium ${browser.version()}`, rows, [plot]);
  expect(rows).toHaveLength(4 * sizes.length);
});

/** Milliseconds from the click to the open conversation. */
async function timeToCreate(alice: Person, people: string[], title: string): Promise<number> {
  await alice.page.getByRole('button', { name: 'New conversation' }).first().click();
  const dialog = alice.newConversationDialog;
  await dialog.getByRole('textbox', { name: 'People' }).fill(people.join(', '));
  await dialog.getByRole('textbox', { name: 'Title' }).fill(title);
  const begun = performance.now();
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await alice.page.getByRole('heading', { name: title }).waitFor();
  await alice.log.waitFor();
  return performance.now() - begun;
}

/** Milliseconds from the confirmation until somebody is no longer listed. */
async function timeToRemove(alice: Person, name: string): Promise<number> {
  const member = alice.members.getByRole('listitem').filter({ has: alice.page.getByText(name, { exact: true }) });
  await member.getByRole('button', { name: /^(Remove|Take invitation back)$/ }).click();
  const dialog = alice.page.getByRole('dialog');
  const begun = performance.now();
  await dialog.getByRole('button', { name: /^(Remove|Take invitation back)$/ }).click();
  await member.waitFor({ state: 'detached' });
  return performance.now() - begun;
}

/** So many wraps by the browser's own cryptography, and nothing else. */
async function wraps(count: number): Promise<number> {
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256', modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]) };
  const { publicKey } = await crypto.subtle.generateKey(algorithm, true, ['encrypt', 'decrypt']);
  const spki = await crypto.subtle.exportKey('spki', publicKey);
  const key = crypto.getRandomValues(new Uint8Array(32));
  const begun = performance.now();
  const one = async () => {
    const imported = await crypto.subtle.importKey('spki', spki, algorithm, false, ['encrypt']);
    await crypto.subtle.encrypt({ name: 'RSA-OAEP' }, imported, key);
  };
  await Promise.all(Array.from({ length: count }, one));
  return performance.now() - begun;
}
