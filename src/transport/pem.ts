/**
 * Text files of certificates, keys and lists: RFC 7468.
 */

/** The bytes of all blocks of a kind, such as CERTIFICATE. What is no base64 is an Error. */
export function pemBlocks(text: string, label: string): Uint8Array[] {
  const begin = `-----BEGIN ${label}-----`, end = `-----END ${label}-----`;
  const blocks: Uint8Array[] = [];
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
    const from = at + begin.length;
    at = text.indexOf(end, from);
    if (at < 0) throw new Error(`found ${begin} without its end`);
    blocks.push(bytesOf(text.slice(from, at)));
  }
  return blocks;
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64.replace(/\s+/g, "")), (letter) => letter.charCodeAt(0));
  } catch {
    throw new Error("found a block that is no base64");
  }
}
