// Somebody in front of a browser. Uses only roles and names that a screen reader would hear.

import { type BrowserContext, type Locator, expect } from '@playwright/test';

import type { Server } from './server.ts';
import { type Algorithm, Visitor } from './visitor.ts';

export type { Algorithm };

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

export class Person extends Visitor {
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

  get exportDialog(): Locator {
    return this.page.getByRole('dialog', { name: 'Export conversation' });
  }

  async openExport(): Promise<Locator> {
    await this.openMembers();
    await this.members.getByRole('button', { name: 'Export conversation' }).click();
    await expect(this.exportDialog).toBeVisible();
    return this.exportDialog;
  }

  /** Exports what the dialog says into a file, and reads how much it was. */
  async exports(dialog: Locator, file: string, count: string): Promise<string> {
    const download = this.page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'I understand, export' }).click();
    await (await download).saveAs(file);
    const done = this.page.getByRole('dialog', { name: 'Exported' });
    await expect(done).toContainText(count);
    await this.page.keyboard.press('Escape');
    await expect(done).toBeHidden();
    return file;
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
