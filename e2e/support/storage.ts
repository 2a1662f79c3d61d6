// Everything that a page left in the browser, as a script on the page could read it.

import type { Page } from '@playwright/test';

export interface StoredKey {
  where: string;
  type: string;
  algorithm: string;
  extractable: boolean;
  usages: string[];
}

export interface StoredBytes {
  where: string;
  bytes: Buffer;
}

export interface Stored {
  databases: string[];
  keys: StoredKey[];
  /** Strings, binary values, names and record keys. */
  values: StoredBytes[];
}

/** Walks IndexedDB, localStorage, sessionStorage and the caches. */
export async function everythingStored(page: Page): Promise<Stored> {
  const found = await page.evaluate(async () => {
    const keys: { where: string; type: string; algorithm: string; extractable: boolean; usages: string[] }[] = [];
    const values: { where: string; hex: string }[] = [];

    const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const keep = (where: string, bytes: Uint8Array) => values.push({ where, hex: hex(bytes) });

    const visit = async (value: unknown, where: string): Promise<void> => {
      if (typeof value === 'string') {
        keep(where, new TextEncoder().encode(value));
      } else if (value instanceof CryptoKey) {
        const { type, algorithm, extractable, usages } = value;
        keys.push({ where, type, algorithm: algorithm.name, extractable, usages: [...usages] });
      } else if (value instanceof ArrayBuffer) {
        keep(where, new Uint8Array(value));
      } else if (ArrayBuffer.isView(value)) {
        keep(where, new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      } else if (value instanceof Blob) {
        keep(where, new Uint8Array(await value.arrayBuffer()));
      } else if (value instanceof Map) {
        for (const [key, item] of value) {
          await visit(key, `${where} key`);
          await visit(item, `${where}.get(${String(key)})`);
        }
      } else if (value instanceof Set) {
        for (const item of value) await visit(item, `${where} item`);
      } else if (value && typeof value === 'object') {
        for (const [key, item] of Object.entries(value)) {
          await visit(key, `${where} name`);
          await visit(item, `${where}.${key}`);
        }
      }
    };

    const answer = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });

    const databases = (await indexedDB.databases()).map(({ name }) => name ?? '');
    for (const name of databases) {
      const database = await answer(indexedDB.open(name));
      for (const store of Array.from(database.objectStoreNames)) {
        const where = `${name}/${store}`;
        const objects = () => database.transaction(store).objectStore(store);
        const recordKeys = await answer(objects().getAllKeys());
        const records = await answer(objects().getAll());
        for (const [index, record] of records.entries()) {
          await visit(recordKeys[index], `${where}[${index}] record key`);
          await visit(record, `${where}[${index}]`);
        }
      }
      database.close();
    }

    for (const [name, storage] of [['localStorage', localStorage] as const, ['sessionStorage', sessionStorage] as const]) {
      for (const key of Object.keys(storage)) await visit({ [key]: storage.getItem(key) }, name);
    }
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const response = await cache.match(request);
        await visit(request.url, `cache ${name}`);
        if (response) await visit(await response.arrayBuffer(), `cache ${name} ${request.url}`);
      }
    }
    return { databases, keys, values };
  });
  return {
    databases: found.databases,
    keys: found.keys,
    values: found.values.map(({ where, hex }) => ({ where, bytes: Buffer.from(hex, 'hex') })),
  };
}
