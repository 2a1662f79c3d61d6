// What a change of readers costs in the browser, by the size of the group; against as many RSA-OAEP wraps alone.
// npm run bench; BENCH_MEMBERS says for which sizes, BENCH_JSON where the figures go too, LOADTEST_BIN who makes the
// accounts.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Page } from '@playwright/test';

import { expect, test } from '../support/fixtures.ts';
import type { Person } from '../support/person.ts';

test.use({ logLevel: 'warn', serverArgs: ['--registrations-per-hour', '1000000'] });

interface Row {
  members: number;
  createMs: number;
  createKB: number;
  removeMs: number;
  removeBytesPerReader: number;
  wrapsMs: number;
  longestTaskMs: number;
}

test('rekey', async ({ arrive, server }) => {
  test.setTimeout(1_800_000);
  const sizes = (process.env.BENCH_MEMBERS ?? '2,10,100,500').split(',').map(Number);
  const most = Math.max(...sizes);
  const loadtest = process.env.LOADTEST_BIN;
  if (!loadtest) throw new Error('LOADTEST_BIN is not set');
  execFileSync(loadtest, ['register', '--address', `127.0.0.1:${server.port}`, '--count', String(most)]);

  const alice = await arrive('alice');
  let sent = 0;
  alice.page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => (sent += payload.length));
  });
  await alice.register('RSA-PSS');
  await watchTasks(alice.page);
  const rows: Row[] = [];
  for (const members of sizes) {
    const names = Array.from({ length: members - 1 }, (_, n) => `member${n + 1}`);
    const title = `group of ${members}`;
    const createSent = sent;
    const createMs = await timeToCreate(alice, names, title);
    const createKB = (sent - createSent) / 1000;
    await alice.openMembers();
    const removeSent = sent;
    const removeMs = await timeToRemove(alice, names.at(-1) ?? '');
    rows.push({
      members,
      createMs,
      createKB,
      removeMs,
      removeBytesPerReader: (sent - removeSent) / members,
      wrapsMs: await alice.page.evaluate(wraps, members),
      longestTaskMs: await longestTask(alice.page),
    });
  }
  console.table(rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, Math.round(v)]))));
  if (process.env.BENCH_JSON) writeFileSync(process.env.BENCH_JSON, JSON.stringify(rows, undefined, 2));
  expect(rows).toHaveLength(sizes.length);
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

interface Watched {
  longestTask?: number;
}

async function watchTasks(page: Page): Promise<void> {
  await page.evaluate(() => {
    const observer = new PerformanceObserver((list) => {
      const watched = window as Watched;
      for (const { duration } of list.getEntries()) {
        watched.longestTask = Math.max(watched.longestTask ?? 0, duration);
      }
    });
    observer.observe({ entryTypes: ['longtask'] });
  });
}

/** The longest task of the page's main thread since the last time, ms; those under 50 are not counted. */
async function longestTask(page: Page): Promise<number> {
  return page.evaluate(() => {
    const watched = window as Watched;
    const longest = watched.longestTask ?? 0;
    watched.longestTask = 0;
    return longest;
  });
}
