// What every test has: a server of its own, and as many people as it wants, each in a browser context of his own.
// A test fails on anything unexpected in any of their consoles.

import { mkdirSync } from 'node:fs';

import { type BrowserContext, test as base, expect } from '@playwright/test';

import { Person } from './person.ts';
import { Server } from './server.ts';

interface Options {
  /** What the server logs. */
  logLevel: string;
  /** More of its command line. */
  serverArgs: string[];
}

interface Arrival {
  /** One that nobody would guess, if none is given. */
  password?: string;
  /** A browser that is not a fresh one. */
  context?: BrowserContext;
}

interface Fixtures {
  server: Server;
  /** Somebody in front of a fresh browser, nothing opened yet. */
  arrive: (name: string, arrival?: Arrival) => Promise<Person>;
}

export const test = base.extend<Options & Fixtures>({
  logLevel: ['debug', { option: true }],
  serverArgs: [[], { option: true }],

  server: async ({ logLevel, serverArgs }, use, testInfo) => {
    const server = await Server.create(testInfo.outputPath('server'), logLevel, serverArgs);
    await server.start();
    await use(server);
    await server.stop();
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('server.log', { path: server.logFile, contentType: 'text/plain' });
    }
    // A handler that panics is caught and answered, and is a bug all the same.
    expect(server.log()).not.toContain('panicked at');
  },

  arrive: async ({ browser, server }, use, testInfo) => {
    const people: Person[] = [];
    await use(async (name, { password, context } = {}) => {
      const fresh = context ?? (await browser.newContext({ viewport: { width: 1280, height: 800 } }));
      const person = await Person.arrive(fresh, server, name, password);
      people.push(person);
      return person;
    });
    const unexpected = people.flatMap((person) => person.watch.unexpected());
    await Promise.all(people.map((person) => person.context.close()));
    const folder = testInfo.outputPath('frames');
    mkdirSync(folder, { recursive: true });
    people.forEach((person, number) => person.watch.writeFrames(folder, number));
    expect(unexpected).toEqual([]);
  },
});

export { expect };
