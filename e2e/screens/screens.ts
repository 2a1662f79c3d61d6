// Pictures of every screen, for people to look at: npm run screens. SCREENS_DIR says where they go.

import path from 'node:path';

import { test } from '../support/fixtures.ts';
import { inEveryLook } from '../support/looks.ts';
import { accountTour, groupTour, passkeyTour, tour } from '../support/tour.ts';

for (const [name, through] of [
  ['screens', tour],
  ['screens-of-groups', groupTour],
  ['screens-of-accounts', accountTour],
  ['screens-of-passkeys', passkeyTour],
] as const) {
  test(name, async ({ arrive }, testInfo) => {
    test.setTimeout(600_000);
    const folder = path.join(process.env.SCREENS_DIR ?? testInfo.outputDir, name);
    let number = 0;
    await through(arrive, async (person, screen) => {
      number += 1;
      const prefix = String(number).padStart(2, '0');
      await inEveryLook(person.page, async (look) => {
        await person.page.screenshot({ path: path.join(folder, `${prefix}-${screen}-${look}.png`) });
      });
    });
    console.log(`The pictures are in ${folder}`);
  });
}
