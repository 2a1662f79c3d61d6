// Somebody in front of a browser. Uses only roles and names that a screen reader would hear.

import { type BrowserContext, type Locator, type Page, expect } from '@playwright/test';

import type { Server } from './server.ts';
import { Watch } from './watch.ts';

export type Algorithm = 'RSA-PSS' | 'DSA';

export type Role = 'admin' | 'member';

export interface NewConversation {
  /** Whether the server makes the keys. */
  managed?: boolean;
}

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
    const banner = this.page.getByRole('alert').filter({ hasText: 'New keys were made in another browser' });
    await banner.getByRole('button', { name: 'Enter password' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Fetch your new keys' });
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

  // Invite links

  /** Makes one in the settings; what was copied. */
  async copyLink(): Promise<string> {
    await this.openSettings();
    await this.page.getByRole('button', { name: 'Copy invite link' }).click();
    const link = this.page.getByRole('textbox', { name: 'Invite link' });
    await expect(link).toHaveValue(/#invite=[\w-]+$/);
    return link.inputValue();
  }

  /** Opens somebody's link; signed in or about to be. The address does not keep it. */
  async followLink(link: string): Promise<void> {
    await this.page.goto(link);
    await expect.poll(() => this.page.url()).not.toContain('invite');
  }

  /** What the link opened, once its owner is certain. */
  linkDialog(owner: string): Locator {
    return this.page.getByRole('dialog', { name: `${owner} invites you` });
  }

  /** Begins a conversation with the link's owner; leaves it open. */
  async startFromLink(owner: string): Promise<void> {
    const dialog = this.linkDialog(owner);
    await expect(dialog).toContainText('Verified by this link');
    await dialog.getByRole('button', { name: 'Start conversation' }).click();
    await expect(dialog).toBeHidden();
    await expect(this.log).toBeVisible();
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
  async createConversation(
    people: string[],
    title = '',
    { managed = false }: NewConversation = {},
  ): Promise<void> {
    await this.page.getByRole('button', { name: 'New conversation' }).first().click();
    const dialog = this.newConversationDialog;
    await dialog.getByRole('textbox', { name: 'People' }).fill(people.join(', '));
    await dialog.getByRole('textbox', { name: 'Title' }).fill(title);
    const keys = dialog.getByRole('radiogroup', { name: 'Conversation key' });
    await expect(keys.getByRole('radio', { name: 'End-to-end' })).toBeChecked();
    if (managed) {
      await keys.getByRole('radio', { name: 'Server-managed' }).press('Space');
      await expect(keys.getByRole('radio', { name: 'Server-managed' })).toBeChecked();
    }
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

  async decline(inviter: string): Promise<void> {
    await this.invitation(inviter).getByRole('button', { name: 'Decline' }).click();
    await expect(this.invitation(inviter)).toHaveCount(0);
  }

  // What follows is about the conversation that is open. It opens the members and leaves them open.

  /** Invites people; they are members, if not accepted ones yet. */
  async invite(people: string[]): Promise<void> {
    await this.openMembers();
    await this.members.getByRole('button', { name: 'Invite people' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Invite people' });
    await dialog.getByRole('textbox', { name: 'People' }).fill(people.join(', '));
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(dialog).toBeHidden();
    for (const name of people) await expect(this.member(name)).toBeVisible();
  }

  async takeInvitationBack(name: string): Promise<void> {
    await this.openMembers();
    await this.member(name).getByRole('button', { name: 'Take invitation back' }).click();
    await this.answer(`Take the invitation of ${name} back?`, 'Take invitation back');
    await expect(this.member(name)).toHaveCount(0);
  }

  async remove(name: string): Promise<void> {
    await this.openMembers();
    await this.member(name).getByRole('button', { name: 'Remove' }).click();
    await this.answer(`Remove ${name}?`, 'Remove');
    await expect(this.member(name)).toHaveCount(0);
  }

  /** Leaves; nothing is open afterwards. */
  async leave(): Promise<void> {
    await this.openMembers();
    await this.members.getByRole('button', { name: 'Leave conversation' }).click();
    await this.answer('Leave this conversation?', 'Leave conversation');
    await expect(this.log).toBeHidden();
  }

  async rename(title: string): Promise<void> {
    await this.openMembers();
    await this.members.getByRole('button', { name: 'Rename' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Rename' });
    await dialog.getByRole('textbox', { name: 'Title' }).fill(title);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(dialog).toBeHidden();
  }

  async makeAdmin(name: string): Promise<void> {
    await this.pickAbout(name, 'Make admin');
    await this.expectRole(name, 'admin');
  }

  async makeMember(name: string): Promise<void> {
    await this.pickAbout(name, 'Make member');
    await this.expectRole(name, 'member');
  }

  async expectRole(name: string, role: Role): Promise<void> {
    await this.openMembers();
    const admin = this.member(name).getByText('Admin', { exact: true });
    await expect(admin).toHaveCount(role === 'admin' ? 1 : 0);
  }

  /** Lets somebody read what was said before the invitation. */
  async shareHistory(name: string): Promise<void> {
    await this.pickAbout(name, 'Share earlier messages');
    await this.answer(`Share earlier messages with ${name}?`, 'Share earlier messages');
  }

  async block(name: string): Promise<void> {
    await this.pickAbout(name, 'Block');
    await this.answer(`Block ${name}?`, 'Block');
    await expect(this.member(name).getByText('Blocked', { exact: true })).toBeVisible();
  }

  async unblock(name: string): Promise<void> {
    await this.pickAbout(name, 'Unblock');
    await expect(this.member(name).getByText('Blocked', { exact: true })).toHaveCount(0);
  }

  /** Takes it for granted that the numbers are the same. */
  async verify(name: string): Promise<void> {
    await this.openMembers();
    await this.member(name).getByRole('button', { name: 'Verify' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Safety number' });
    await expect(dialog.getByTestId('safety-number')).toHaveText(/^\s*(\d{5}\s*){12}$/);
    await dialog.getByRole('button', { name: 'Mark as verified' }).click();
    await expect(dialog).toBeHidden();
    await expect(this.member(name).getByRole('img', { name: 'Verified' })).toBeVisible();
  }

  /** The safety number with somebody, as single groups with spaces between. */
  async safetyNumber(name: string): Promise<string> {
    await this.openMembers();
    await this.member(name).getByRole('button', { name: 'Verify' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'Safety number' });
    const number = dialog.getByTestId('safety-number');
    await expect(number).toHaveText(/^\s*(\d{5}\s*){12}$/);
    const groups = (await number.innerText()).trim().split(/\s+/);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await expect(dialog).toBeHidden();
    return groups.join(' ');
  }

  /** Of the open conversation's newest state. */
  async headCode(): Promise<string> {
    await this.openMembers();
    const term = this.page.locator('dt', { hasText: 'State code' });
    return (await term.locator('+ dd').innerText()).trim();
  }

  /** What happened, newest first: "alice invited bob. 14:02, signed RSA-PSS". */
  get history(): Locator {
    return this.page.getByRole('list', { name: 'History' }).getByRole('listitem');
  }

  /** It is told, with who signed it how. */
  async expectHistory(sentence: string, algorithm: Algorithm): Promise<void> {
    await this.openMembers();
    const entry = this.history.filter({ hasText: sentence });
    await expect(entry).toHaveCount(1);
    await expect(entry).toHaveText(new RegExp(`, signed ${algorithm}( by the server)?$`));
  }

  /** Why nothing can be sent: somebody's keys are not those that one knew. */
  identityBanner(name: string): Locator {
    return this.page.getByRole('alert').filter({ hasText: name }).filter({
      has: this.page.getByRole('button', { name: 'Accept new keys' }),
    });
  }

  async acceptNewKeys(name: string): Promise<void> {
    await this.identityBanner(name).getByRole('button', { name: 'Accept new keys' }).click();
    await expect(this.identityBanner(name)).toHaveCount(0);
  }

  /** Picks from the menu of what is seldom done. */
  private async pickAbout(name: string, item: string): Promise<void> {
    await this.openMembers();
    await this.member(name).getByRole('button', { name: `More about ${name}` }).click();
    await this.page.getByRole('menuitem', { name: item, exact: true }).click();
  }

  /** Answers a question in a dialog. */
  private async answer(question: string, yes: string): Promise<void> {
    const dialog = this.page.getByRole('dialog', { name: question });
    await dialog.getByRole('button', { name: yes, exact: true }).click();
    await expect(dialog).toBeHidden();
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
