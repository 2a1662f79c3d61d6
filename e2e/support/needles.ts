// Looking for a text in bytes, in every way in which it may have been written down.

export interface Haystack {
  where: string;
  bytes: Buffer;
}

/** Where `text` is, and how; empty where it is not. */
export function findAll(text: string, haystacks: Haystack[]): string[] {
  const found: string[] = [];
  for (const { where, bytes } of haystacks) {
    for (const [encoding, needle] of needles(text)) {
      if (bytes.includes(needle)) found.push(`"${text}" as ${encoding} in ${where}`);
    }
  }
  return found;
}

function needles(text: string): [string, Buffer][] {
  const utf8 = Buffer.from(text, 'utf8');
  const utf16 = Buffer.from(text, 'utf16le');
  const result: [string, Buffer][] = [
    ['UTF-8', utf8],
    ['UTF-16LE', utf16],
    ['UTF-16BE', Buffer.from(utf16).swap16()],
    ['hex', Buffer.from(utf8.toString('hex'))],
    ['HEX', Buffer.from(utf8.toString('hex').toUpperCase())],
    ['hex of UTF-16LE', Buffer.from(utf16.toString('hex'))],
    // A list of numbers, as Debug prints bytes.
    ['numbers', Buffer.from([...utf8].join(', '))],
    ['URL-encoded', Buffer.from(encodeURIComponent(text))],
  ];
  for (const bytes of [utf8, utf16]) {
    for (let offset = 0; offset < 3; offset++) {
      const core = base64Core(bytes, offset);
      result.push(['base64', Buffer.from(core)]);
      result.push(['base64url', Buffer.from(core.replaceAll('+', '-').replaceAll('/', '_'))]);
    }
  }
  return result;
}

/** What of its base64 does not depend on its neighbours, when it begins at this place of a group of three. */
function base64Core(bytes: Buffer, offset: number): string {
  const skip = (3 - offset) % 3;
  const whole = bytes.subarray(skip, skip + Math.floor((bytes.length - skip) / 3) * 3);
  return whole.toString('base64');
}
