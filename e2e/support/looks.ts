// The ways in which every screen must look right.

import type { Page } from '@playwright/test';

export const LOOKS = [
  { name: 'desktop-light', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'desktop-dark', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  { name: 'phone-light', colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { name: 'phone-dark', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const;

/** Calls `look` in each of them, and leaves the page as it was. */
export async function inEveryLook(page: Page, look: (name: string) => Promise<void>): Promise<void> {
  const before = page.viewportSize();
  for (const { name, colorScheme, viewport } of LOOKS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await page.evaluate(drawn, colorScheme);
    await look(name);
  }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
}

/** Waits until the page has been drawn in a colour scheme, its transitions at their end. */
async function drawn(colorScheme: string): Promise<void> {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  while (!matchMedia(`(prefers-color-scheme: ${colorScheme})`).matches) await frame();
  await frame();
  await frame();
  const changing = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
  await Promise.allSettled(changing.map((animation) => animation.finished));
  // Colours reach what inherits them frame by frame.
  const colours = () =>
    [...document.querySelectorAll('*')].map((element) => {
      const { color, backgroundColor } = getComputedStyle(element);
      return `${color} on ${backgroundColor}`;
    });
  for (let before = '', same = 0; same < 3; ) {
    await frame();
    const now = colours().join();
    same = now === before ? same + 1 : 0;
    before = now;
  }
}
