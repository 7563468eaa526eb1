/**
 * The head of an HTTP/1.1 request, RFC 9112 sections 2 to 5, read so strictly that no proxy before us can
 * have read it in another way: what is unusual is refused, not repaired. Pure.
 */

/** A request without its body. */
export interface RequestHead {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  /** Values by the name in lower case, in the order of the lines. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** Header lines of one request at most; browsers send about 20. */
const LINES = 100;

/**
 * Where the head ends, behind its empty line; undefined where more bytes have to come first. A text says
 * what makes the bytes no head of a request already.
 */
export function endOfHead(bytes: Uint8Array, count: number): number | string | undefined {
  if (count > 0 && (bytes[0]! < 0x41 || bytes[0]! > 0x5a)) return "the bytes are no HTTP request";
  let empty = false; // the line that is read has no bytes yet
  for (let at = 0; at < count; at++) {
    const byte = bytes[at]!;
    if (byte === 0x0d) {
      if (at + 1 === count) return undefined;
      if (bytes[++at] !== 0x0a) return "a carriage return without a line feed";
      if (empty) return at + 1;
      empty = true;
    } else {
      if (byte < 0x20 && byte !== 0x09 || byte === 0x7f) {
        return byte === 0x0a ? "a line feed without a carriage return" : "a control character";
      }
      empty = false;
    }
  }
  return undefined;
}

/** Reads a whole head, less its empty line; a text says why it is none. */
export function parseHead(head: string): RequestHead | string {
  const [first = "", ...lines] = head.split("\r\n");
  const request = /^([A-Z]{1,16}) (\/[!-~]*) HTTP\/1\.1$/.exec(first);
  if (request === null) return "the request line is not GET /path HTTP/1.1";
  if (lines.length > LINES) return `more than ${LINES} header lines`;
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    if (line.startsWith(" ") || line.startsWith("\t")) return "a folded header line";
    const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(.*)$/.exec(line);
    if (field === null) return "a header line that is not name: value";
    const name = field[1]!.toLowerCase();
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [field[2]!.trim()]);
    else values.push(field[2]!.trim());
  }
  return { method: request[1]!, target: request[2]!, headers };
}

/** The elements of a header that is a list, from all of its lines. */
export function listOf(headers: RequestHead["headers"], name: string): readonly string[] {
  const values = headers.get(name);
  if (values === undefined) return [];
  return values.join(",").split(",").map((each) => each.trim()).filter((each) => each !== "");
}
