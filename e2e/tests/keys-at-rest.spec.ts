// What a script on the page, or a thief with the disk, finds in the browser's storage.

import { createPrivateKey, generateKeyPairSync } from 'node:crypto';

import { expect, test } from '../support/fixtures.ts';
import { findAll } from '../support/needles.ts';
import type { Person } from '../support/person.ts';
import { type StoredBytes, everythingStored } from '../support/storage.ts';

const PASSWORD = 'canary-password-Nw4 Hf8s Zc2b';
const TITLE = 'canary-title-Qe7k Mj3v';
const TEXT = 'canary-text-Ua5y Tg9n';

test('no private key that a script could carry away, no text in clear', async ({ arrive }) => {
  const bob = await arrive('bob');
  await bob.register('RSA-PSS');
  const alice = await arrive('alice', { password: PASSWORD });
  await alice.register('DSA');
  await alice.createConversation(['bob'], TITLE);
  await alice.send(TEXT);
  await alice.expectMessage(TEXT, { signature: 'dsa' });
  await alice.leaveDraft(`${TEXT} as a draft`, TITLE);

  await test.step('after registration', () => examine(alice));

  const again = await arrive('alice', { password: PASSWORD });
  await again.signIn();
  await again.expectSignedIn();
  await again.openConversation(TITLE);
  await again.expectMessage(TEXT, { signature: 'dsa' });
  await test.step('after login', () => examine(again));

  await test.step('after a reload', async () => {
    await alice.reload();
    await examine(alice);
  });
});

async function examine(person: Person): Promise<void> {
  const { databases, keys, values } = await everythingStored(person.page);
  expect(databases.length).toBeGreaterThan(0);
  expect(values.length).toBeGreaterThan(0);

  // One to unwrap and one to sign with, and neither leaves the browser.
  const rsa = keys.filter(({ type, algorithm }) => type === 'private' && algorithm.startsWith('RSA'));
  expect(new Set(rsa.map(({ algorithm }) => algorithm))).toEqual(new Set(['RSA-OAEP', 'RSA-PSS']));
  expect(keys.filter(({ type, extractable }) => type !== 'public' && extractable)).toEqual([]);
  // K_priv is the only key that wraps private keys, and it is gone: nothing here can wrap or unwrap, no RSA key but for OAEP.
  expect(keys.filter(({ type, usages }) => type === 'secret' && !usages.every(isForRecords))).toEqual([]);

  expect(values.filter(holdsPrivateKey).map(({ where }) => where)).toEqual([]);
  for (const canary of [PASSWORD, TITLE, TEXT]) expect(findAll(canary, values)).toEqual([]);
}

function isForRecords(usage: string): boolean {
  return usage === 'encrypt' || usage === 'decrypt';
}

const RSA_OID = Buffer.from('06092a864886f70d010101', 'hex');
const DSA_OID = Buffer.from('06072a8648ce380401', 'hex');

/** PKCS#8: version 0 or 1, then an AlgorithmIdentifier. A public key (SPKI) has no version before it. */
function holdsPrivateKey({ bytes }: Pick<StoredBytes, 'bytes'>): boolean {
  return [RSA_OID, DSA_OID].some((oid) => {
    for (let at = bytes.indexOf(oid); at >= 0; at = bytes.indexOf(oid, at + 1)) {
      // The SEQUENCE around the OID takes two to four bytes.
      const before = bytes.subarray(Math.max(0, at - 7), at);
      if (/02010[01]30(8[12])?/.test(before.toString('hex'))) return true;
    }
    return false;
  });
}

test('the search for private keys finds private keys', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const dsa = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 });
  for (const { privateKey, publicKey } of [rsa, dsa]) {
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
    expect(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).type).toBe('private');
    expect(holdsPrivateKey({ bytes: Buffer.concat([Buffer.from('before'), pkcs8]) })).toBe(true);
    expect(holdsPrivateKey({ bytes: publicKey.export({ format: 'der', type: 'spki' }) })).toBe(false);
  }
});
