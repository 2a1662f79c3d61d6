// Somebody in front of a browser. Uses only roles and names that a screen reader would hear.

import { type BrowserContext, type Locator, type Page, expect } from '@playwright/test';

import type { Server } from './server.ts';
import { Watch } from './watch.ts';

export type Algorithm = 'RSA-PSS' | 'DSA';

export interface Expected {
  state?: 'pending' | 'sent' | 'failed';
  signature?: 'rsa-pss' | 'dsa' | 'invalid';
  author?: string;
}

export class Person {
  readonly watch: Watch;

  private constructor(
    readonly context: BrowserContext,
    public page: Page,
    private readonly server: Server,
    readonly name: string,
    readonly password: string,
  ) {
    this.watch = new Watch(context, name);
  }

  static async arrive(
    context: BrowserContext,
    server: Server,
    name: string,
    password = `${name} walks seven llamas uphill`,
  ): Promise<Person> {
    // A persistent context begins with a page of its own.
    const page = context.pages()[0] ?? (await context.newPage());
    return new Person(context, page, server, name, password);
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

  get userName(): Locator {
    return this.page.getByRole('textbox', { name: 'User name' });
  }

  get passwordField(): Locator {
    return this.page.getByLabel('Password', { exact: true });
  }

  get recoveryDialog(): Locator {
    return this.page.getByRole('dialog', { name: 'Recovery code' });
  }

  // Conversations

  get conversations(): Locator {
    return this.page.getByRole('navigation', { name: 'Conversations' });
  }

  conversation(name: string): Locator {
    const begins = { name: new RegExp(`^${escape(name)}`) };
    return this.conversations.getByRole('link', begins).or(this.conversations.getByRole('button', begins));
  }

  get newConversationDialog(): Locator {
    return this.page.getByRole('dialog', { name: 'New conversation' });
  }

  /** Leaves the new conversation open. */
  async createConversation(people: string[], title = ''): Promise<void> {
    await this.page.getByRole('button', { name: 'New conversation' }).first().click();
    const dialog = this.newConversationDialog;
    await dialog.getByRole('textbox', { name: 'People' }).fill(people.join(', '));
    await dialog.getByRole('textbox', { name: 'Title' }).fill(title);
    await dialog.getByRole('button', { name: 'Create', exact: true }).click();
    await expect(dialog).toBeHidden();
    await expect(this.log).toBeVisible();
  }

  async openConversation(name: string): Promise<void> {
    await this.conversation(name).click();
    await expect(this.log).toBeVisible();
  }

  invitation(inviter: string): Locator {
    return this.page
      .getByRole('region', { name: 'Invitations' })
      .getByRole('listitem')
      .filter({ hasText: inviter });
  }

  async accept(inviter: string): Promise<void> {
    await this.invitation(inviter).getByRole('button', { name: 'Accept' }).click();
    await expect(this.invitation(inviter)).toHaveCount(0);
  }

  get members(): Locator {
    return this.page.getByRole('region', { name: 'Members' });
  }

  member(name: string): Locator {
    return this.members.getByRole('listitem').filter({ hasText: name });
  }

  async openMembers(): Promise<void> {
    if (!(await this.members.isVisible())) {
      await this.page.getByRole('button', { name: 'Members' }).click();
    }
    await expect(this.members).toBeVisible();
  }

  get connection(): Locator {
    return this.page.getByRole('status', { name: 'Connection' });
  }

  // Messages

  get log(): Locator {
    return this.page.getByRole('log', { name: 'Messages' });
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: 'Message', exact: true });
  }

  async send(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.page.getByRole('button', { name: 'Send', exact: true }).click();
    await expect(this.composer).toHaveValue('');
  }

  /** Types, leaves and comes back: what was typed is still there, so it lies in the store by now. */
  async leaveDraft(text: string, conversation: string): Promise<void> {
    await this.composer.fill(text);
    await this.openSettings();
    await this.openConversation(conversation);
    await expect(this.composer).toHaveValue(text);
  }

  message(text: string): Locator {
    return this.log.getByRole('article').filter({ hasText: text });
  }

  /** It is there, once, as expected. */
  async expectMessage(text: string, { state = 'sent', signature, author }: Expected = {}): Promise<void> {
    const message = this.message(text);
    await expect(message).toHaveCount(1);
    await expect(message).toHaveAttribute('data-state', state);
    if (signature) await expect(message).toHaveAttribute('data-signature', signature);
    if (author) await expect(message).toHaveAccessibleName(new RegExp(escape(author)));
  }

  /** All messages that are shown, in order: what anybody else must see just so. */
  async texts(among: string[]): Promise<string[]> {
    const shown = await this.log.getByRole('article').allInnerTexts();
    return shown.map((text) => among.find((one) => text.includes(one)) ?? '').filter((text) => text !== '');
  }
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
