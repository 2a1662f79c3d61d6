// Nobody is kept out: axe-core on every screen, in every look. And the page loads under its policy.

import { AxeBuilder } from '@axe-core/playwright';

import { expect, test } from '../support/fixtures.ts';
import { inEveryLook } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { accountTour, groupTour, passkeyTour, tour } from '../support/tour.ts';

for (const [what, through] of [
  ['on any screen', tour],
  ['about groups, links and keys', groupTour],
  ['about keeping an account', accountTour],
  ['about passkeys', passkeyTour],
] as const) {
  test(`axe-core finds no violation ${what}, light and dark, desktop and phone`, async ({ arrive }) => {
    test.setTimeout(600_000);
    await through(arrive, audit);
  });
}

test('the page loads with a strict policy in force', async ({ arrive, page, server }) => {
  const response = await page.goto(server.origin);
  const headers = response?.headers() ?? {};
  const policy = new Map(
    (headers['content-security-policy'] ?? '').split(';').map((directive) => {
      const [name = '', ...sources] = directive.trim().split(/\s+/);
      return [name, sources] as const;
    }),
  );
  expect(policy.get('default-src')).toEqual(["'none'"]);
  expect(policy.get('script-src')).toContain("'wasm-unsafe-eval'");
  for (const sources of policy.values()) {
    expect(sources).not.toContain("'unsafe-inline'");
    expect(sources).not.toContain("'unsafe-eval'");
    expect(sources).not.toContain('*');
  }
  expect(policy.get('frame-ancestors')).toEqual(["'none'"]);
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['referrer-policy']).toBe('no-referrer');

  // In force: what the policy does not allow does not happen.
  const blocked = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
          once: true,
        });
        const script = document.createElement('script');
        script.textContent = 'document.title = "injected"';
        document.body.append(script);
      }),
  );
  expect(blocked).toBe('script-src-elem');
  await expect(page).not.toHaveTitle('injected');

  // And what the client itself does breaks none of it: its console is watched.
  const alice = await arrive('alice');
  await alice.register();
});

async function audit(person: Person, screen: string): Promise<void> {
  await inEveryLook(person.page, async (look) => {
    const { violations } = await new AxeBuilder({ page: person.page }).analyze();
    const found = violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    );
    // Soft, so that one run shows all of them.
    expect.soft(found, `${screen}, ${look}`).toEqual([]);
    // Nothing is cut off at the side.
    const width = await person.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect.soft(width, `${screen}, ${look}: scrolls sideways`).toBeLessThanOrEqual(0);
  });
}
