// What a person waits for, and what the client weighs, in a real browser; each beside a baseline of the same run.
// cargo xtask bench browser. LOADTEST_BIN writes the conversations; BENCH_JSON says where the figures go too. BENCH_TIMES:
// how often short things are done; BENCH_REGISTRATIONS; BENCH_OPEN: messages of the conversations that are opened;
// BENCH_CATCH_UP: messages that are caught up with, in 50 conversations; BENCH_DSA: what one verification takes.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { createInterface } from 'node:readline';

import type { Browser, BrowserContext, Page } from '@playwright/test';

import { launchOptions } from '../support/browser.ts';
import { first, longestTask, mustSeeFrames, putClock, putFrameClock } from '../support/clock.ts';
import { type Plot, type Row, median, quantile, tell } from '../support/figures.ts';
import { expect, test } from '../support/fixtures.ts';
import { type Algorithm, Person } from '../support/person.ts';
import type { Server } from '../support/server.ts';

const unlimited = ['--registrations-per-hour', '--logins-per-minute', '--frames-per-second'];
test.use({ logLevel: 'warn', serverArgs: unlimited.flatMap((option) => [option, '1000000']), trace: 'off' });

const times = Number(process.env.BENCH_TIMES ?? 30);
const registrations = Number(process.env.BENCH_REGISTRATIONS ?? 10);
const sizes = (process.env.BENCH_OPEN ?? '10,100,1000').split(',').map(Number);
const missed = Number(process.env.BENCH_CATCH_UP ?? 2_000);
const CONVERSATIONS = 50;
/** How often a conversation is opened again: the single visit varies by a third. */
const VISITS = 7;
/** A frame with a message in it is longer; answers and presence are shorter. */
const MESSAGE_BYTES = 400;

test('browser', async ({ browser, server }) => {
  test.setTimeout(3_600_000);
  const rows: Row[] = [];
  const plots: Plot[] = [];
  await bytes(browser, server, rows);
  await starts(browser, server, rows);
  await registering(browser, server, rows);
  await talking(browser, server, rows);
  await opening(browser, server, rows, plots);
  await catchingUp(browser, server, rows);
  verifying(rows);
  tell('browser', `Chromium ${browser.version()}`, rows, plots);
  expect(rows.filter(({ value }) => !Number.isFinite(value))).toEqual([]);
});

/** One DSA verification in WebAssembly, as `cargo xtask bench` has measured it in the same browser. */
function verifying(rows: Row[]): void {
  const [value, baselineValue] = (process.env.BENCH_DSA ?? '').split(',').map(Number);
  if (!value) return;
  const goal = '<= 20, ratio <= 0.125';
  rows.push({ what: 'DSA verification', value, unit: 'ms', baseline: 'dsa 0.7', baselineValue, goal });
}

/** What a first visit loads, compressed as the server sends it. */
async function bytes(browser: Browser, server: Server, rows: Row[]): Promise<void> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const loaded = new Set<string>();
  context.on('response', (response) => loaded.add(new URL(response.url()).pathname));
  await page.goto(server.origin);
  await expect.poll(() => [...loaded].filter((path) => path.endsWith('.wasm'))).toHaveLength(2);
  await context.close();
  const lengths = await Promise.all(
    [...loaded].map(async (path) => ({ path, bytes: await transferred(new URL(path, server.origin)) })),
  );
  const sum = (of: typeof lengths) => of.reduce((total, { bytes }) => total + bytes / 1000, 0);
  const engine = lengths.filter(({ path }) => path.startsWith('/engine'));
  const all = sum(lengths);
  rows.push(
    { what: 'bytes to the sign-in form', value: all - sum(engine), unit: 'kB', goal: '<= 150' },
    { what: 'bytes to a usable conversation', value: all, unit: 'kB', goal: '<= 400' },
  );
}

/** Bytes of a file's body on the wire. */
async function transferred(url: URL): Promise<number> {
  const request = get(url, { headers: { 'accept-encoding': 'br' } });
  const [response] = await once(request, 'response');
  let length = 0;
  for await (const chunk of response) length += chunk.length;
  return length;
}

/** To a form that takes a name, without and with the browser's cache; against a static page with such a form. */
async function starts(browser: Browser, server: Server, rows: Row[]): Promise<void> {
  const bare = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>Bare</title><form><input><button>Sign in</button></form>');
  });
  bare.listen(0, '127.0.0.1');
  await once(bare, 'listening');
  const address = bare.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const cold: number[] = [];
  const warm: number[] = [];
  const nothing: number[] = [];
  let longest = 0;
  for (let n = 0; n < Math.ceil(times / 3); n += 1) {
    const context = await browser.newContext();
    await putClock(context);
    const page = await context.newPage();
    await page.goto(server.origin);
    cold.push(await first(page, 'form'));
    longest = Math.max(longest, await longestTask(page));
    await page.reload();
    warm.push(await first(page, 'form'));
    longest = Math.max(longest, await longestTask(page));
    await page.goto(`http://127.0.0.1:${port}`);
    nothing.push(await first(page, 'form'));
    await context.close();
  }
  bare.close();
  const baseline = { baseline: 'a page of static HTML', baselineValue: median(nothing), longestTaskMs: longest };
  rows.push(
    { what: 'sign-in form, cold', ...spread(cold), ...baseline, goal: '<= 400' },
    { what: 'sign-in form, warm', ...spread(warm), ...baseline },
  );
}

/** From the button to the account, with all its keys; against two RSA keys of the browser's. */
async function registering(browser: Browser, server: Server, rows: Row[]): Promise<void> {
  const taken: number[] = [];
  const keys: number[] = [];
  let longest = 0;
  for (let n = 0; n < registrations; n += 1) {
    const context = await browser.newContext();
    await putClock(context);
    const person = await Person.arrive(context, server, `newcomer${n}`);
    await person.fillRegistration();
    keys.push(await person.page.evaluate(makeTwoKeys));
    await longestTask(person.page);
    taken.push(
      await person.page.evaluate(async () => {
        const begun = performance.now();
        document.querySelector<HTMLButtonElement>('form button[type=submit]')?.click();
        return (await window.clock.until(() => document.querySelector('dialog[open]') !== null)) - begun;
      }),
    );
    longest = Math.max(longest, await longestTask(person.page));
    await context.close();
  }
  rows.push({
    what: 'registration with all keys',
    ...spread(taken),
    baseline: 'two RSA-3072 keys by WebCrypto',
    baselineValue: median(keys),
    longestTaskMs: longest,
    goal: 'p95 <= 5000',
  });
}

async function makeTwoKeys(): Promise<number> {
  const kind = { hash: 'SHA-256', modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]) };
  const begun = performance.now();
  await Promise.all([
    crypto.subtle.generateKey({ name: 'RSA-OAEP', ...kind }, true, ['encrypt', 'decrypt']),
    crypto.subtle.generateKey({ name: 'RSA-PSS', ...kind }, true, ['sign', 'verify']),
  ]);
  return performance.now() - begun;
}

/** From the keystroke to the frame, and from the frame to the row; against the browser's own cryptography. */
async function talking(browser: Browser, server: Server, rows: Row[]): Promise<void> {
  // Two who talk do not share one browser's storage, as two of its contexts do.
  const another = await browser.browserType().launch(launchOptions);
  const people: Record<Algorithm, Person> = {
    'RSA-PSS': await somebody(browser, server, 'alice', 'RSA-PSS'),
    DSA: await somebody(another, server, 'bob', 'DSA'),
  };
  const { 'RSA-PSS': alice, DSA: bob } = people;
  await alice.createConversation(['bob'], 'Bench');
  await bob.accept('alice');
  await bob.openConversation('Bench');
  const alone = await alice.page.evaluate(signAndSeal, times);
  for (const { by, to, algorithm, sends, receives } of [
    { by: alice, to: bob, algorithm: 'RSA-PSS', sends: '<= 15', receives: '<= 10' },
    { by: bob, to: alice, algorithm: 'DSA', sends: '<= 60', receives: '<= 25' },
  ]) {
    const toFrame: number[] = [];
    const toRow: number[] = [];
    const toSent: number[] = [];
    for (const person of [by, to]) await longestTask(person.page);
    for (let n = 0; n < times; n += 1) {
      const text = `${algorithm}, number ${n}.`;
      const arrived = to.page.evaluate(rowOf, { text, frameBytes: MESSAGE_BYTES });
      const typed = await by.page.evaluateHandle(watchKey);
      await by.composer.pressSequentially(text);
      await by.composer.press('Enter');
      const sent = await by.page.evaluate(frameAfter, { text, typed, frameBytes: MESSAGE_BYTES });
      toFrame.push(sent.frame);
      toSent.push(sent.acknowledged);
      toRow.push(await arrived);
    }
    const tasks = await Promise.all([by, to].map((person) => longestTask(person.page)));
    rows.push(
      {
        what: `keystroke to frame, ${algorithm}`,
        ...spread(toFrame),
        baseline: 'RSA-PSS and AES-GCM by WebCrypto',
        baselineValue: alone.sending,
        longestTaskMs: tasks[0],
        goal: sends,
      },
      { what: `keystroke to acknowledged, ${algorithm}`, ...spread(toSent) },
      {
        what: `frame to row, ${algorithm}`,
        ...spread(toRow),
        baseline: 'RSA-PSS and AES-GCM by WebCrypto',
        baselineValue: alone.receiving,
        longestTaskMs: tasks[1],
        goal: receives,
      },
    );
  }
  await alice.context.close();
  await another.close();
}

async function somebody(browser: Browser, server: Server, name: string, algorithm: Algorithm): Promise<Person> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await putFrameClock(context);
  const person = await Person.arrive(context, server, name);
  await person.register(algorithm);
  await mustSeeFrames(person.page);
  return person;
}

/** Signing and sealing 1 KiB, and the other way round: medians, by the browser alone. */
async function signAndSeal(times: number): Promise<{ sending: number; receiving: number }> {
  const kind = { name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]) };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(kind, false, ['sign', 'verify']);
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const aes = { name: 'AES-GCM', iv: new Uint8Array(12) };
  const pss = { name: 'RSA-PSS', saltLength: 32 };
  const text = new Uint8Array(1024);
  const sending: number[] = [];
  const receiving: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const begun = performance.now();
    const signature = await crypto.subtle.sign(pss, privateKey, text);
    const sealed = await crypto.subtle.encrypt(aes, key, text);
    const between = performance.now();
    await crypto.subtle.decrypt(aes, key, sealed);
    await crypto.subtle.verify(pss, publicKey, signature, text);
    sending.push(between - begun);
    receiving.push(performance.now() - between);
  }
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
  return { sending: middle(sending), receiving: middle(receiving) };
}

/** When Enter is next pressed, by the browser's own account. */
function watchKey(): { at: number } {
  const typed = { at: NaN };
  const listener = (event: KeyboardEvent) => {
    if (event.key !== 'Enter') return;
    typed.at = event.timeStamp;
    removeEventListener('keydown', listener, true);
  };
  addEventListener('keydown', listener, true);
  return typed;
}

/** Milliseconds from the keystroke to the frame with the message, and until the server has it. */
async function frameAfter(asked: {
  text: string;
  typed: { at: number };
  frameBytes: number;
}): Promise<{ frame: number; acknowledged: number }> {
  const { text, typed, frameBytes } = asked;
  const acknowledged = await window.clock.until(() => {
    const sent = document.querySelectorAll('[role=log] article[data-state=sent]');
    return [...sent].some((row) => row.textContent?.includes(text));
  });
  const at = performance.timeOrigin + typed.at;
  const is = ({ kind, at: sent, bytes }: { kind: string; at: number; bytes: number }) =>
    kind === 'sent' && sent >= at && bytes >= frameBytes;
  return { frame: (await window.clock.frame(is)).at - at, acknowledged: acknowledged - typed.at };
}

/** Milliseconds from the frame with a message to its row in the page. Its next picture, 16 ms later at most, shows it. */
async function rowOf(asked: { text: string; frameBytes: number }): Promise<number> {
  const { text, frameBytes } = asked;
  const since = performance.timeOrigin + performance.now();
  const shown = await window.clock.until(() => {
    const rows = document.querySelectorAll('[role=log] article');
    return [...rows].some((row) => row.textContent?.includes(text));
  });
  const frame = await window.clock.frame(
    ({ kind, at, bytes }) => kind === 'received' && at >= since && bytes >= frameBytes,
  );
  return performance.timeOrigin + shown - frame.at;
}

/** A conversation that somebody else has written, in a browser that has never seen it, and once more. */
async function opening(browser: Browser, server: Server, rows: Row[], plots: Plot[]): Promise<void> {
  const series: Record<string, [number, number][]> = {};
  const most = Math.max(...sizes);
  for (const algorithm of ['rsa-pss', 'dsa'] as const) {
    for (const size of sizes) {
      const [writer, reader] = [`writer-${algorithm}-${size}`, `reader-${algorithm}-${size}`];
      const fill = new Fill(server, ['--algorithm', algorithm, '--messages', `${size}`], writer, reader);
      await fill.says('written');
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      await putClock(context);
      const page = await context.newPage();
      await fillSignIn(page, server, reader, fill.password);
      await longestTask(page);
      const visit = await page.evaluate(signInAndOpen);
      const verified = (await first(page, 'caught up')) - visit.began;
      const firstTask = await longestTask(page);
      const again: number[] = [];
      for (let n = 0; n < VISITS; n += 1) {
        await page.reload();
        again.push(await first(page, 'message'));
      }
      const secondTask = await longestTask(page);
      await context.close();
      const figures = {
        'first screen': visit.shown - visit.listed,
        'all verified': verified - visit.listed,
        'second visit': median(again),
      };
      for (const [what, value] of Object.entries(figures)) (series[`${what}, ${algorithm}`] ??= []).push([size, value]);
      if (size !== most) continue;
      const name = `${size} ${algorithm} messages`;
      rows.push(
        { what: `signing in on a new browser, ${algorithm}`, value: visit.listed, unit: 'ms' },
        {
          what: `opening ${name}: first screen`,
          value: figures['first screen'],
          unit: 'ms',
          longestTaskMs: firstTask,
          goal: '<= 300',
        },
        {
          what: `opening ${name}: all verified`,
          value: figures['all verified'],
          unit: 'ms',
          goal: algorithm === 'dsa' ? '<= 20000' : '<= 500',
        },
        {
          what: `opening ${name}: second visit`,
          ...spread(again),
          longestTaskMs: secondTask,
          goal: '<= 300',
        },
      );
    }
  }
  plots.push({
    file: 'browser-opening',
    title: 'Opening a conversation in the browser',
    x: { label: 'messages', log: true },
    y: { label: 'ms', log: true },
    series: Object.entries(series).map(([name, points]) => ({ name, points })),
  });
}

/** What came while the browser was closed, and what the browser then holds. */
async function catchingUp(browser: Browser, server: Server, rows: Row[]): Promise<void> {
  const each = Math.round(missed / CONVERSATIONS);
  const options = ['--algorithm', 'rsa-pss', '--messages', `${each}`, '--conversations', `${CONVERSATIONS}`, '--hold'];
  const fill = new Fill(server, options, 'many', 'away');
  await fill.says('made');
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await putClock(context);
  const page = await context.newPage();
  await fillSignIn(page, server, 'away', fill.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await first(page, 'caught up');
  await page.goto('about:blank');
  fill.go();
  await fill.says('written');
  await page.goto(server.origin);
  const listed = await first(page, 'list');
  const caughtUp = await first(page, 'caught up');
  const task = await longestTask(page);
  const name = `${each * CONVERSATIONS} messages in ${CONVERSATIONS} conversations`;
  rows.push(
    { what: `catching up with ${name}: first screen`, value: listed, unit: 'ms', longestTaskMs: task, goal: '<= 1000' },
    { what: `catching up with ${name}: all verified`, value: caughtUp, unit: 'ms', goal: '10,000: <= 5000' },
  );
  await weigh(context, page, `after ${name}`, rows);
  await context.close();
}

/** What a page holds in memory, and its browser on disk. */
async function weigh(context: BrowserContext, page: Page, when: string, rows: Row[]): Promise<void> {
  const tools = await context.newCDPSession(page);
  await tools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await tools.send('Runtime.getHeapUsage');
  const { memory, disk } = await page.evaluate(async () => ({
    memory: window.clock.memory?.buffer.byteLength ?? NaN,
    disk: (await navigator.storage.estimate()).usage ?? NaN,
  }));
  rows.push(
    { what: `JavaScript heap of the page ${when}`, value: usedSize / 1e6, unit: 'MB' },
    { what: `WebAssembly memory of the page ${when}`, value: memory / 1e6, unit: 'MB' },
    { what: `IndexedDB ${when}`, value: disk / 1e6, unit: 'MB' },
  );
}

async function fillSignIn(page: Page, server: Server, name: string, password: string): Promise<void> {
  await page.goto(server.origin);
  await page.getByRole('textbox', { name: 'User name' }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
}

/** From the button to the conversation in the list, from there to its newest messages; times of the page's. */
async function signInAndOpen(): Promise<{ began: number; listed: number; shown: number }> {
  const began = performance.now();
  document.querySelector<HTMLButtonElement>('form button[type=submit]')?.click();
  const link = () => document.querySelector<HTMLAnchorElement>('nav[aria-label=Conversations] a');
  const listed = await window.clock.until(() => link() !== null);
  link()?.click();
  const shown = await window.clock.until(() => document.querySelector('[role=log] article') !== null);
  return { began, listed: listed - began, shown: shown - began };
}

/** The load generator's `fill`, at work. */
class Fill {
  password = '';
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(server: Server, options: string[], writer: string, reader: string) {
    const loadtest = process.env.LOADTEST_BIN;
    if (!loadtest) throw new Error('LOADTEST_BIN is not set');
    const people = ['--address', `127.0.0.1:${server.port}`, '--writer', writer, '--reader', reader];
    this.child = spawn(loadtest, ['fill', ...people, ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (!this.child.stdout) throw new Error('no output');
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  /** Lets it write what it holds back. */
  go(): void {
    this.child.stdin?.write('\n');
  }

  /** Waits until it says so. Its first line is the reader's password. */
  async says(wanted: 'made' | 'written'): Promise<void> {
    for (;;) {
      const { done, value } = await this.lines.next();
      if (done) throw new Error(`the load generator ended before it said "${wanted}"`);
      this.password ||= value;
      if (value === wanted) return;
    }
  }
}

function spread(values: number[]): { value: number; p95: number; unit: string } {
  return { value: median(values), p95: quantile(values, 0.95), unit: 'ms' };
}
