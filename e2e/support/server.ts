// The real server binary: own port, own data folder, everything that it logs.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { expect } from '@playwright/test';

export class Server {
  readonly data: string;
  readonly logFile: string;
  private child: ChildProcess | undefined;

  private constructor(
    folder: string,
    readonly port: number,
    private readonly logLevel: string,
    private readonly args: string[],
  ) {
    this.data = path.join(folder, 'data');
    this.logFile = path.join(folder, 'server.log');
    mkdirSync(this.data, { recursive: true });
  }

  static async create(folder: string, logLevel: string, args: string[] = []): Promise<Server> {
    return new Server(folder, await freePort(), logLevel, args);
  }

  /** `localhost` is a secure context: without it there is no WebCrypto. */
  get origin(): string {
    return `http://localhost:${this.port}`;
  }

  /** Starts it, on the same port and data as before, and waits until it is ready. */
  async start(): Promise<void> {
    const child = spawn(
      binary(),
      ['serve', '--listen', `127.0.0.1:${this.port}`, '--data', this.data, '--log', this.logLevel, ...this.args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, RUST_BACKTRACE: '1', DATABASE_URL: undefined },
      },
    );
    this.child = child;
    const log = createWriteStream(this.logFile, { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    await expect(async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.log()}`);
      expect((await fetch(`${this.origin}/readyz`)).status).toBe(200);
    }).toPass({ timeout: 60_000, intervals: [50] });
  }

  /** As a power cut would: no word to anybody, nothing flushed. */
  async kill9(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** As an operator does. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** Runs a command of the operator's on its data; what it prints. */
  command(...args: string[]): string {
    return execFileSync(binary(), [...args, '--data', this.data], {
      encoding: 'utf8',
      env: { ...process.env, DATABASE_URL: undefined },
    });
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** Everything that it has on disk: database, write-ahead log, the rest of the data folder. */
  files(): { name: string; bytes: Buffer }[] {
    return readdirSync(this.data, { recursive: true, encoding: 'utf8' })
      .map((name) => ({ name, full: path.join(this.data, name) }))
      .filter(({ full }) => statSync(full).isFile())
      .map(({ name, full }) => ({ name, bytes: readFileSync(full) }));
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }
}

/** What the binary says of itself. */
export function version(...args: string[]): string {
  return execFileSync(binary(), ['--version', ...args], { encoding: 'utf8' });
}

export function binary(): string {
  const given = process.env.SECURE_CHAT_BIN;
  if (given) return given;
  const target = process.env.CARGO_TARGET_DIR ?? path.resolve(import.meta.dirname, '../../target');
  return path.join(target, 'release', 'secure-chat');
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  if (!address || typeof address === 'string') throw new Error('no free port');
  probe.close();
  await once(probe, 'close');
  return address.port;
}
