// Clocks inside the page and inside the engine's worker, for what is too short to be timed from outside.

import type { BrowserContext, Page } from '@playwright/test';

/** A frame of the engine's WebSocket; when, in milliseconds since 1970. */
interface Frame {
  kind: 'sent' | 'received';
  at: number;
  bytes: number;
}

/** What the page keeps. */
interface Clock {
  /** The longest task of the main thread since it was last asked for; those under 50 ms are not told. */
  longestTask: number;
  /** When something first was there, in milliseconds since the navigation began. */
  first: Record<string, number>;
  /** The engine's, where they are written down. */
  frames: Frame[];
  /** The first frame that is so; waits for it. */
  frame(is: (frame: Frame) => boolean): Promise<Frame>;
  /** Of the page's WebAssembly. */
  memory?: WebAssembly.Memory;
  /** Resolves with the time, as soon as it is so. */
  until(is: () => boolean): Promise<number>;
}

declare global {
  interface Window {
    clock: Clock;
  }
}

/** Puts a clock into every page of a context that is opened from now on. Leaves the browser's cache as it is. */
export async function putClock(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const frames: Frame[] = [];
    const told = new BroadcastChannel('clock');
    told.addEventListener('message', ({ data }: MessageEvent<Frame>) => frames.push(data));
    const clock: Clock = {
      longestTask: 0,
      first: {},
      frames,
      frame: (is) =>
        new Promise((resolve) => {
          const look = () => {
            const found = frames.find(is);
            if (!found) return;
            told.removeEventListener('message', look);
            resolve(found);
          };
          told.addEventListener('message', look);
          look();
        }),
      until: (is) =>
        new Promise((resolve) => {
          const look = () => {
            if (!is()) return;
            observer.disconnect();
            resolve(performance.now());
          };
          const observer = new MutationObserver(look);
          observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
          look();
        }),
    };
    window.clock = clock;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) clock.longestTask = Math.max(clock.longestTask, duration);
    }).observe({ type: 'longtask', buffered: true });
    addEventListener('TrunkApplicationStarted', (event) => {
      clock.memory = (event as CustomEvent<{ wasm: { memory: WebAssembly.Memory } }>).detail.wasm.memory;
    });
    const says = (name: string) => document.querySelector(`[role=status][aria-label=${name}]`)?.textContent ?? '';
    const firsts: [string, () => boolean][] = [
      ['form', () => document.querySelector('form input:not(:disabled)') !== null],
      ['list', () => document.querySelector('nav[aria-label=Conversations] a') !== null],
      ['message', () => document.querySelector('[role=log] article') !== null],
      ['catching up', () => says('Connection').includes('Catching up')],
      ['caught up', () => 'catching up' in clock.first && /^Connected(\.[^…]*)?$/.test(says('Connection').trim())],
    ];
    for (const [name, is] of firsts) void clock.until(is).then((at) => (clock.first[name] = at));
  });
}

/** Also writes down when the engine's WebSocket sends and receives, unless its worker was faster: see `mustSeeFrames`. */
export async function putFrameClock(context: BrowserContext): Promise<void> {
  await putClock(context);
  context.on('page', (page) => page.on('worker', (worker) => void worker.evaluate(inWorker)));
}

/** Opens the page of somebody signed in anew until its frames are written down. */
export async function mustSeeFrames(page: Page): Promise<void> {
  for (let n = 0; n < 20; n += 1) {
    await page.reload();
    await first(page, 'caught up');
    if (await page.evaluate(() => window.clock.frames.length > 0)) return;
  }
  throw new Error('the frames of the engine are not seen');
}

function inWorker(): void {
  const told = new BroadcastChannel('clock');
  const note = (kind: Frame['kind'], data: ArrayBuffer) =>
    told.postMessage({ kind, at: performance.timeOrigin + performance.now(), bytes: data.byteLength });
  const Plain = WebSocket;
  globalThis.WebSocket = class WebSocket extends Plain {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => note('received', data));
    }

    override send(data: ArrayBuffer): void {
      note('sent', data);
      super.send(data);
    }
  };
}

/** Milliseconds from the navigation until something first was there; waits for it. */
export async function first(page: Page, name: 'form' | 'list' | 'message' | 'caught up'): Promise<number> {
  const handle = await page.waitForFunction((name) => window.clock.first[name], name, { timeout: 600_000 });
  return (await handle.jsonValue()) ?? NaN;
}

/** The longest task of the page's main thread since the last time, ms; those under 50 are not told. */
export async function longestTask(page: Page): Promise<number> {
  return page.evaluate(async () => {
    // An entry comes after its task.
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const longest = window.clock.longestTask;
    window.clock.longestTask = 0;
    return longest;
  });
}
