// Sees everything that a browser context does: what goes wrong in it, and what leaves or reaches it.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import type { BrowserContext, Page } from '@playwright/test';

export interface Traffic {
  where: string;
  bytes: Buffer;
}

export class Watch {
  /** Console errors, page errors, failed requests, violations of the content security policy. */
  readonly problems: string[] = [];
  /** Every HTTP request and response and every WebSocket frame. */
  readonly traffic: Traffic[] = [];
  /** The frames of each WebSocket, in their order, as the checker of the protocol's schema reads them. */
  private readonly sockets: string[][] = [];
  private readonly bodies: Promise<void>[] = [];
  private readonly allowed: RegExp[] = [];

  constructor(
    context: BrowserContext,
    private readonly name: string,
  ) {
    context.on('page', (page) => this.page(page));
    for (const page of context.pages()) this.page(page);
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'assert') {
        this.problem(`console: ${message.text()} (${message.location().url})`);
      }
    });
    context.on('weberror', (error) => this.problem(`page error: ${error.error().stack ?? error.error()}`));
    context.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText ?? '';
      // Leaving a page breaks off what it was loading. The client itself breaks off nothing.
      if (reason !== 'net::ERR_ABORTED') this.problem(`failed request: ${request.url()} ${reason}`);
    });
    context.on('request', (request) => {
      const headers = Object.entries(request.headers()).map(([key, value]) => `${key}: ${value}`);
      this.record(`request ${request.method()} ${request.url()}`, [request.url(), ...headers].join('\n'));
      const body = request.postDataBuffer();
      if (body) this.record(`request body of ${request.url()}`, body);
    });
    context.on('response', (response) => {
      this.bodies.push(
        response.body().then(
          (body) => this.record(`response body of ${response.url()}`, body),
          // Redirects, and what a closed page did not wait for, have none.
          () => undefined,
        ),
      );
    });
  }

  /** What a test brings about on purpose, such as a server that is gone. */
  allow(...patterns: RegExp[]): void {
    this.allowed.push(...patterns);
  }

  /** What went wrong and was not brought about on purpose. */
  unexpected(): string[] {
    return this.problems.filter((problem) => !this.allowed.some((pattern) => pattern.test(problem)));
  }

  frames(): Traffic[] {
    return this.traffic.filter(({ where }) => where.startsWith('frame'));
  }

  /** Writes every WebSocket of this browser into a file of its own: `> HEX` for what was sent, `< HEX` for what was received. */
  writeFrames(folder: string, browser: number): void {
    this.sockets.forEach((lines, number) => {
      const file = `${browser}-${this.name}-${number}.frames`;
      writeFileSync(path.join(folder, file), lines.map((line) => `${line}\n`).join(''));
    });
  }

  /** Waits for the bodies that are still on their way. */
  async settled(): Promise<void> {
    await Promise.all(this.bodies);
  }

  private page(page: Page): void {
    page.on('crash', () => this.problem('the page crashed'));
    page.on('websocket', (socket) => {
      this.record('frame: address', socket.url());
      const lines: string[] = [];
      this.sockets.push(lines);
      const frame = (sign: string, where: string) => {
        return ({ payload }: { payload: string | Buffer }) => {
          this.record(where, payload);
          // A text is no frame of the protocol's: the checker says so.
          lines.push(`${sign} ${typeof payload === 'string' ? JSON.stringify(payload) : payload.toString('hex')}`);
        };
      };
      socket.on('framesent', frame('>', 'frame sent'));
      socket.on('framereceived', frame('<', 'frame received'));
    });
  }

  private record(where: string, content: string | Buffer): void {
    this.traffic.push({ where, bytes: Buffer.from(content) });
  }

  private problem(text: string): void {
    this.problems.push(`${this.name}: ${text}`);
  }
}
