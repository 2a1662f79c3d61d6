// A conversation as a file: made in a browser, believed by whoever has OpenSSL and a shell.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { unzipSync } from 'fflate';

import { expect, test } from '../support/fixtures.ts';
import { binary } from '../support/server.ts';

/** Texts that could be taken for something else, by a page, a table or a shell. */
const NASTY = [
  '<img src=x onerror="alert(1)"> & <b>bold</b> \'quoted\'',
  'two lines\nand a third one\n\nafter a gap',
  '12\talice\tholds',
  '$(touch /tmp/pwned); `id` && echo "$PATH" | sh #',
  'שלום \u202eabc\u202c مرحبا',
  '👩‍👩‍👧 🇨🇭 e\u0301',
  '%s %d \\0 \\x41 ../../etc/passwd',
];

interface Said {
  ok: boolean;
  text: string;
}

/** Runs `verify.sh` with the system's shell and OpenSSL. */
function verifyByScript(folder: string): Said {
  const { status, stdout, stderr } = spawnSync('sh', ['verify.sh'], { cwd: folder, encoding: 'utf8' });
  return { ok: status === 0, text: stdout + stderr };
}

function verifyByBinary(file: string): Said {
  const { status, stdout, stderr } = spawnSync(binary(), ['verify', file], { encoding: 'utf8' });
  return { ok: status === 0, text: stdout + stderr };
}

/** Unpacks a zip into a folder; its files by path, without the folder around them. */
function unpack(file: string, folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const [name, content] of Object.entries(unzipSync(readFileSync(file)))) {
    expect(name).toMatch(/^conversation\/[\w./-]+$/);
    const target = path.join(folder, name);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
    files.set(name.slice('conversation/'.length), Buffer.from(content));
  }
  return files;
}

test('what two people said is proven to outsiders, and a byte altered anywhere is named', async ({
  arrive,
}, testInfo) => {
  test.setTimeout(240_000);
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await alice.register('RSA-PSS');
  await bob.register('DSA');
  await alice.createConversation(['bob'], 'Plans & <notes>');
  await bob.accept('alice');
  await bob.openConversation('Plans');
  for (const [index, text] of NASTY.entries()) await (index % 2 === 0 ? alice : bob).send(text);
  await alice.send('That is all from Alice.');
  await bob.send('And from Bob.');
  for (const person of [alice, bob]) {
    await person.expectMessage('That is all from Alice.', { signature: 'rsa-pss' });
    await person.expectMessage('And from Bob.', { signature: 'dsa' });
  }

  const file = await test.step('alice exports, and is told what that means', async () => {
    const dialog = await alice.openExport();
    await expect(dialog).toContainText('can prove to anybody who wrote what');
    await expect(dialog).toContainText('no longer encrypted');
    const suggested = alice.page.waitForEvent('download');
    const saved = testInfo.outputPath('export.zip');
    await alice.exports(dialog, saved, `${NASTY.length + 2} messages are in it`);
    expect((await suggested).suggestedFilename()).toMatch(/^Plans-notes-\d{4}-\d\d-\d\d\.zip$/);
    return saved;
  });
  const folder = testInfo.outputPath('unpacked');
  const files = unpack(file, folder);
  const root = path.join(folder, 'conversation');

  await test.step('stock OpenSSL finds that everything holds', () => {
    expect(execFileSync('openssl', ['version'], { encoding: 'utf8' })).toMatch(/^OpenSSL/);
    for (const { ok, text } of [verifyByScript(root), verifyByBinary(file)]) {
      expect(ok, text).toBe(true);
      const lines = text.split('\n');
      const holds = (name: string, algorithm: string) =>
        lines.filter((line) => line.match(new RegExp(`^\\d+  ${name}  \\S+Z  ${algorithm}  holds$`))).length;
      expect(holds('alice', 'RSA-PSS') + holds('bob', 'DSA'), text).toBe(NASTY.length + 2);
      expect(holds('bob', 'DSA')).toBeGreaterThan(3);
      expect(text).toContain('everything holds.');
    }
    const texts = [...files].filter(([name]) => name.match(/^messages\/\d+\.txt$/)).map(([, text]) => `${text}`);
    expect(texts.toSorted()).toEqual([...NASTY, 'That is all from Alice.', 'And from Bob.'].toSorted());
  });

  await test.step('the page shows it all and runs nothing', async () => {
    const page = await alice.context.newPage();
    page.on('dialog', () => expect(false, 'a script ran').toBe(true));
    await page.goto(`file://${path.join(root, 'index.html')}`);
    await expect(page.getByRole('heading', { name: 'Plans & <notes>' })).toBeVisible();
    await expect(page.getByRole('article')).toHaveCount(NASTY.length + 2);
    for (const text of NASTY) await expect(page.getByText(text.split('\n')[0]!, { exact: false })).toBeVisible();
    await page.close();
  });

  await test.step('ten alterations of one byte each are caught and named', () => {
    const message = [...files.keys()].find((name) => name.match(/^messages\/.*\.txt$/) && `${files.get(name)}` === 'And from Bob.');
    const number = message!.slice('messages/'.length, -'.txt'.length);
    const fingerprint = `${files.get('messages.txt')}`.split('\n')[0]!.split('\t')[3]!;
    const alterations: [file: string, at: number, named: string][] = [
      [`messages/${number}.txt`, 4, `messages/${number}.txt`],
      [`messages/${number}.signed`, 200, `message ${Number(number)} by bob`],
      [`messages/${number}.sig`, 20, `messages/${number}.sig`],
      [`keys/${fingerprint}.rsa.pem`, 100, `keys/${fingerprint}.rsa.pem`],
      [`identities/${fingerprint}.signed`, 60, `identities/${fingerprint}.signed`],
      [`identities/${fingerprint}.dsa.sig`, 10, `identities/${fingerprint}.dsa.sig`],
      ['log/000001.signed', 300, 'log/000001.signed'],
      ['messages.txt', 3, 'messages.txt'],
      ['manifest.txt', 10, 'manifest.txt'],
      ['index.html', files.get('index.html')!.indexOf('And from Bob.'), 'index.html'],
    ];
    const zip = readFileSync(file);
    for (const [name, at, named] of alterations) {
      const right = files.get(name)!;
      const altered = Buffer.from(right);
      altered[at]! ^= 1;
      writeFileSync(path.join(root, name), altered);
      const byScript = verifyByScript(root);
      writeFileSync(path.join(root, name), right);
      expect(byScript.ok, `${name}: ${byScript.text}`).toBe(false);
      expect(byScript.text, name).toContain(named);

      // The same byte inside the zip: every file is stored there as it is.
      const inZip = Buffer.from(zip);
      const place = zip.indexOf(right, zip.indexOf(`conversation/${name}`));
      expect(place, name).toBeGreaterThan(0);
      inZip[place + at]! ^= 1;
      const doctored = testInfo.outputPath('doctored.zip');
      writeFileSync(doctored, inZip);
      const byBinary = verifyByBinary(doctored);
      expect(byBinary.ok, `${name}: ${byBinary.text}`).toBe(false);
      expect(byBinary.text, name).toContain(name);
    }
    const script = files.get('verify.sh')!;
    const altered = Buffer.from(script);
    altered[script.indexOf('Checks')]! ^= 0x20;
    writeFileSync(path.join(root, 'verify.sh'), altered);
    const byScript = verifyByScript(root);
    expect(byScript.ok).toBe(false);
    expect(byScript.text).toContain('verify.sh');
    writeFileSync(path.join(root, 'verify.sh'), script);
    expect(verifyByScript(root).ok).toBe(true);
  });
});

test('a range of days is exported, and nothing else', async ({ arrive }, testInfo) => {
  const alice = await arrive('alice');
  const bob = await arrive('bob');
  await alice.register();
  await bob.register('DSA');
  await alice.createConversation(['bob'], 'Days');
  await bob.accept('alice');
  await bob.openConversation('Days');
  await bob.send('today');
  await alice.expectMessage('today');
  const dialog = await alice.openExport();
  await dialog.getByRole('radio', { name: 'From one day to another' }).press('Space');
  await dialog.getByLabel('From', { exact: true }).fill('2020-01-02');
  await dialog.getByLabel('To', { exact: true }).fill('2020-01-01');
  await expect(dialog).toContainText('The last day lies before the first.');
  await expect(dialog.getByRole('button', { name: 'I understand, export' })).toBeDisabled();
  await dialog.getByLabel('To', { exact: true }).fill('2020-01-02');
  const empty = await alice.exports(dialog, testInfo.outputPath('empty.zip'), 'no message');
  expect(verifyByBinary(empty).text).toContain('messages: 0,');

  const again = await alice.openExport();
  await again.getByRole('radio', { name: 'From one day to another' }).press('Space');
  await again.getByLabel('From', { exact: true }).fill('2020-01-02');
  const full = await alice.exports(again, testInfo.outputPath('full.zip'), 'One message');
  expect(verifyByBinary(full).text).toContain('messages: 1,');
});
