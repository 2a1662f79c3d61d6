// Somebody in front of a browser, and the account: signing in, settings, keys.

import { type BrowserContext, type Locator, type Page, expect } from '@playwright/test';

import type { Server } from './server.ts';
import { Watch } from './watch.ts';

export type Algorithm = 'RSA-PSS' | 'DSA';

/** What can be done without a conversation. */
export class Visitor {
  readonly watch: Watch;

  protected constructor(
    readonly context: BrowserContext,
    public page: Page,
    private readonly server: Server,
    readonly name: string,
    readonly password: string,
  ) {
    this.watch = new Watch(context, name);
  }

  /** The same person at another page of the same browser. */
  async openTab(): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(this.server.origin);
    return page;
  }

  /** Acts at another page from now on. */
  use(page: Page): void {
    this.page = page;
  }

  async open(): Promise<void> {
    await this.page.goto(this.server.origin);
  }

  // Account

  async register(algorithm: Algorithm = 'RSA-PSS'): Promise<void> {
    await this.fillRegistration(algorithm);
    await this.page.getByRole('button', { name: 'Create account' }).click();
    await this.recoveryDialog.getByRole('button', { name: 'Later' }).click();
    await expect(this.recoveryDialog).toBeHidden();
    await this.expectSignedIn();
  }

  /** Up to the button. */
  async fillRegistration(algorithm: Algorithm = 'RSA-PSS'): Promise<void> {
    await this.open();
    const way = { name: 'Create account' };
    await this.page.getByRole('link', way).or(this.page.getByRole('button', way)).click();
    const choice = this.page
      .getByRole('radiogroup', { name: 'Sign my messages with' })
      .or(this.page.getByRole('group', { name: 'Sign my messages with' }));
    await expect(choice.getByRole('radio', { name: 'RSA-PSS' })).toBeChecked();
    await this.userName.fill(this.name);
    await this.passwordField.fill(this.password);
    const radio = choice.getByRole('radio', { name: algorithm });
    // By keyboard: its label lies over it and takes the clicks.
    await radio.press('Space');
    await expect(radio).toBeChecked();
  }

  async signIn(password = this.password): Promise<void> {
    await this.open();
    await this.userName.fill(this.name);
    await this.passwordField.fill(password);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** Tries a password that is wrong. */
  async guess(password: string): Promise<void> {
    await this.signIn(password);
    await expect(this.page.getByRole('alert').filter({ hasText: 'wrong' })).toBeVisible();
  }

  async expectSignedIn(): Promise<void> {
    await expect(this.page.getByRole('button', { name: 'Account', exact: true })).toBeVisible();
  }

  /** Everything is asked for again, and no password. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.expectSignedIn();
    await expect(this.passwordField).toHaveCount(0);
  }

  async openSettings(): Promise<void> {
    await this.page.getByRole('button', { name: 'Account', exact: true }).click();
    await this.page.getByRole('menuitem', { name: 'Settings' }).click();
    await expect(this.page.getByRole('heading', { name: 'Settings' })).toBeVisible();
  }

  /** What a question in a dialog asks for, until it is answered. */
  private async confirmWithPassword(dialog: Locator, button: string, password: string): Promise<void> {
    await dialog.getByLabel('Password', { exact: true }).fill(password);
    await dialog.getByRole('button', { name: button, exact: true }).click();
  }

  /** How messages are signed from now on; leaves the settings open. */
  async changeAlgorithm(algorithm: Algorithm, password = this.password): Promise<void> {
    await this.openSettings();
    const group = this.page.getByRole('radiogroup', { name: 'Sign my messages with' });
    await group.getByRole('radio', { name: algorithm }).press('Space');
    const dialog = this.page.getByRole('dialog', { name: `Sign with ${algorithm}` });
    await this.confirmWithPassword(dialog, `Sign with ${algorithm}`, password);
    await expect(dialog).toBeHidden();
    await expect(group.getByRole('radio', { name: algorithm })).toBeChecked();
  }

  /** Fresh keys, signed by the old ones; leaves the settings open. */
  async makeNewKeys(password = this.password): Promise<void> {
    const before = await this.fingerprint();
    await this.page.getByRole('button', { name: 'Make new keys' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Make new keys?' });
    await this.confirmWithPassword(dialog, 'Make new keys', password);
    await expect(dialog).toBeHidden();
    await expect.poll(() => this.fingerprint()).not.toBe(before);
  }

  /** Declares the keys stolen and gets fresh ones; leaves the settings open. */
  async reportKeysStolen(password = this.password): Promise<void> {
    const before = await this.fingerprint();
    await this.page.getByRole('button', { name: 'My keys were stolen' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Were your keys stolen?' });
    await this.confirmWithPassword(dialog, 'Replace my keys', password);
    await expect(dialog).toBeHidden();
    await expect.poll(() => this.fingerprint()).not.toBe(before);
  }

  /** Another browser has made newer keys: brings them to this one. */
  async fetchKeys(password = this.password): Promise<void> {
    const banner = this.page.getByRole('alert').filter({ hasText: 'were changed in another browser' });
    await banner.getByRole('button', { name: 'Enter password' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Fetch your keys' });
    await this.confirmWithPassword(dialog, 'Fetch the keys', password);
    await expect(dialog).toBeHidden();
    await expect(banner).toHaveCount(0);
  }

  /** One's own, as the settings show it; they are open afterwards. */
  async fingerprint(): Promise<string> {
    const settings = this.page.getByRole('heading', { name: 'Settings' });
    if (!(await settings.isVisible())) await this.openSettings();
    const identity = this.page.getByRole('region', { name: 'Your identity' });
    return (await identity.locator('dt', { hasText: 'Fingerprint' }).locator('+ dd').innerText()).trim();
  }

  /** Answers a question in a dialog. */
  async answer(question: string, yes: string): Promise<void> {
    const dialog = this.page.getByRole('dialog', { name: question });
    await dialog.getByRole('button', { name: yes, exact: true }).click();
    await expect(dialog).toBeHidden();
  }

  /** A passing note. */
  note(text: RegExp): Locator {
    return this.page.locator('.note').filter({ hasText: text });
  }

  // What brings an account back

  /** The recovery code that is shown, once it was proven to be kept. */
  async keepCode(): Promise<string> {
    const shown = this.page.getByTestId('recovery-code');
    await expect(shown).toHaveText(/^\s*([0-9A-Z]{4}-){7}[0-9A-Z]{4}\s*$/);
    const code = (await shown.innerText()).replace(/\s/g, '');
    await this.recoveryDialog.getByRole('button', { name: 'I have saved it' }).click();
    const groups = code.split('-');
    for (const field of await this.recoveryDialog.getByRole('textbox').all()) {
      const label = (await field.getAttribute('id')) ?? '';
      const place = await this.recoveryDialog.locator(`label[for="${label}"]`).innerText();
      await field.fill(groups[Number(place.replace(/\D/g, '')) - 1] ?? '');
    }
    await this.recoveryDialog.getByRole('button', { name: 'I have saved it' }).click();
    await expect(this.recoveryDialog).toBeHidden();
    return code;
  }

  async registerAndKeepCode(algorithm: Algorithm = 'RSA-PSS'): Promise<string> {
    await this.fillRegistration(algorithm);
    await this.page.getByRole('button', { name: 'Create account' }).click();
    const code = await this.keepCode();
    await this.expectSignedIn();
    return code;
  }

  /** Fills in the form for a lost password and sends it. */
  async recover(code: string, password: string): Promise<void> {
    await this.open();
    await this.page.getByRole('link', { name: 'Forgot password?' }).click();
    await this.userName.fill(this.name);
    await this.page.getByRole('textbox', { name: 'Recovery code' }).fill(code);
    await this.page.getByLabel('New password', { exact: true }).fill(password);
    await this.page.getByRole('button', { name: 'Set new password' }).click();
  }

  /** The new recovery code that comes with it. Leaves the settings open. */
  async changePassword(password: string, { keep = false, old = this.password } = {}): Promise<string> {
    await this.openSettings();
    await this.page.getByRole('button', { name: 'Change password' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Change password' });
    await dialog.getByLabel('Present password', { exact: true }).fill(old);
    await dialog.getByLabel('New password', { exact: true }).fill(password);
    const kept = dialog.getByRole('checkbox', { name: 'Keep my other browsers signed in' });
    await expect(kept).not.toBeChecked();
    if (keep) await kept.press('Space');
    await dialog.getByRole('button', { name: 'Change password' }).click();
    return this.keepCode();
  }

  /** Whether a code is the right one, by the settings. */
  async checkCode(code: string, right: boolean): Promise<void> {
    await this.openSettings();
    await this.page.getByRole('button', { name: 'Check recovery code' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Check recovery code' });
    await dialog.getByRole('textbox', { name: 'Recovery code' }).fill(code);
    await dialog.getByRole('button', { name: 'Check', exact: true }).click();
    const yes = dialog.getByText('This is your recovery code');
    const no = dialog.getByText(/This is not your recovery code|typing error/);
    await expect(right ? yes : no).toBeVisible();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await expect(dialog).toBeHidden();
  }

  async lock(): Promise<void> {
    await this.page.getByRole('button', { name: 'Account', exact: true }).click();
    await this.page.getByRole('menuitem', { name: 'Lock' }).click();
    await expect(this.unlockButton).toBeVisible();
  }

  async unlock(password = this.password): Promise<void> {
    await this.passwordField.fill(password);
    await this.unlockButton.click();
  }

  get unlockButton(): Locator {
    return this.page.getByRole('button', { name: /^Unlock(ing …)?$/ });
  }

  async signOut(): Promise<void> {
    await this.page.getByRole('button', { name: 'Account', exact: true }).click();
    await this.page.getByRole('menuitem', { name: 'Sign out' }).click();
    await this.answer('Sign out?', 'Sign out');
    await expect(this.userName).toBeVisible();
  }

  get userName(): Locator {
    return this.page.getByRole('textbox', { name: 'User name' });
  }

  get passwordField(): Locator {
    return this.page.getByLabel('Password', { exact: true });
  }

  get recoveryDialog(): Locator {
    return this.page.getByRole('dialog', { name: 'Recovery code' });
  }
}
