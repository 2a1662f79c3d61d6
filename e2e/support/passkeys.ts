// Passkeys, with the browser's own virtual authenticator.

import { type CDPSession, type Locator, type Page, expect } from '@playwright/test';

import type { Person } from './person.ts';

interface Authenticator {
  cdp: CDPSession;
  authenticatorId: string;
}

/** A device with a fingerprint reader, and its owner's finger on it. */
export async function plugIn(page: Page, hasPrf: boolean): Promise<Authenticator> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      hasPrf,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { cdp, authenticatorId };
}

/** Their card in the settings. */
export function passkeys(person: Person): Locator {
  return person.page.getByRole('region', { name: 'Passkeys' });
}

/** Adds one in the settings, which stay open. */
export async function addPasskey(person: Person, name: string): Promise<void> {
  await person.openSettings();
  await passkeys(person).getByRole('button', { name: 'Add a passkey' }).click();
  const dialog = person.page.getByRole('dialog', { name: 'Add a passkey' });
  await dialog.getByRole('textbox', { name: 'Name of the passkey' }).fill(name);
  await dialog.getByRole('textbox', { name: 'Password' }).fill(person.password);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await expect(dialog).toBeHidden();
  await expect(passkeys(person).getByRole('listitem').filter({ hasText: name })).toBeVisible();
}
