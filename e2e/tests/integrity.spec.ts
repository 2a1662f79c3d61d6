// What the server hands out is what the binary says, and a page that gets anything else does not run it.

import { createHash } from 'node:crypto';

import { expect, test } from '../support/fixtures.ts';
import { version } from '../support/server.ts';

interface Statement {
  subject: { name: string; digest: { sha256: string } }[];
}

test('every file served is the one in the manifest, and the page loads no other', async ({ arrive, server }) => {
  const lines = version('--verbose').trimEnd().split('\n');
  const statement = JSON.parse(lines.at(-1) ?? '') as Statement;
  const manifest = new Map(statement.subject.map(({ name, digest }) => [name, digest.sha256]));
  expect(manifest.size).toBeGreaterThan(8);
  for (const [name, digest] of manifest) {
    expect(lines).toContain(`${digest}  ${name}`);
    const served = Buffer.from(await (await fetch(`${server.origin}/${name}`)).arrayBuffer());
    expect(createHash('sha256').update(served).digest('hex'), name).toBe(digest);
  }
  const alice = await arrive('alice');
  const loaded = new Set<string>();
  alice.context.on('response', (response) => {
    const { pathname } = new URL(response.url());
    loaded.add(pathname === '/' ? 'index.html' : pathname.slice(1));
    if (pathname.endsWith('.wasm')) expect(response.headers()['content-type']).toBe('application/wasm');
  });
  await alice.open();
  await expect(alice.page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  // The form does not wait for the engine.
  for (const part of [/^app-.*\.js$/, /^app-.*\.wasm$/, /^engine-.*\.js$/, /^engine-.*\.wasm$/]) {
    await expect.poll(() => [...loaded].filter((name) => part.test(name)), String(part)).toHaveLength(1);
  }
  for (const name of loaded) expect(manifest.has(name), name).toBe(true);
});

for (const { what, file, runs } of [
  { what: 'the page’s script', file: /\/app-[^/]*\.js$/, runs: false },
  { what: 'the page’s WebAssembly', file: /\/app-[^/]*\.wasm$/, runs: false },
  { what: 'the engine’s script', file: /\/engine-[^/]*\.js$/, runs: true },
  { what: 'the engine’s WebAssembly', file: /\/engine-[^/]*\.wasm$/, runs: true },
]) {
  test(`${what} is not run with another byte in it`, async ({ arrive }) => {
    const alice = await arrive('alice');
    alice.watch.allow(/integrity/i, /Failed to fetch/, /failed request/, /page error/);
    let altered = 0;
    await alice.context.route(file, async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      // A letter of a comment or of a name: it would run as well as before.
      const place = body.length - 2;
      body[place] = (body[place] ?? 0) ^ 1;
      altered += 1;
      await route.fulfill({ response, body });
    });
    await alice.open();
    // What a worker is refused does not reach the console in every case: there the page says that it stopped.
    if (runs) await expect(alice.page.getByRole('heading', { name: 'Something went wrong' })).toBeVisible();
    else await expect.poll(() => alice.watch.problems.join('\n')).toMatch(/integrity/i);
    expect(altered).toBeGreaterThan(0);
    await expect(alice.page.getByRole('button', { name: 'Sign in' })).toBeHidden();
  });
}
