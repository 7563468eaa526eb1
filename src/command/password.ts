/**
 * A password from standard input: from a terminal without showing it and asked for twice, else the first
 * line of what comes.
 */

/** Bytes of the longest password. */
const longest = 1_024;

/** The password, without the end of its line. Throws an Error where it is too long or no UTF-8. */
export async function readPassword(user: string): Promise<string> {
  if (!Deno.stdin.isTerminal()) return await readLine();
  Deno.stdin.setRaw(true, { cbreak: true });
  try {
    const password = await ask(`Password of ${JSON.stringify(user)}: `);
    if (await ask("Once more: ") !== password) throw new Error("the two passwords differ");
    return password;
  } finally {
    Deno.stdin.setRaw(false);
  }
}

async function ask(question: string): Promise<string> {
  Deno.stderr.writeSync(new TextEncoder().encode(question));
  try {
    return await readLine();
  } finally {
    Deno.stderr.writeSync(new TextEncoder().encode("\n"));
  }
}

const lineFeed = 0x0a, carriageReturn = 0x0d, endOfInput = 0x04, backspace = 0x08, rubOut = 0x7f;

/**
 * A line of standard input, as it comes: up to the end of the line or of the input; what is behind it stays
 * unread. Throws as `readPassword` does.
 */
export async function readLine(): Promise<string> {
  const one = new Uint8Array(1);
  const bytes: number[] = [];
  while (await Deno.stdin.read(one) === 1) {
    const byte = one[0]!;
    if (byte === lineFeed || byte === carriageReturn || byte === endOfInput) break;
    if (byte === backspace || byte === rubOut) {
      // A character may be several bytes, of which all but the first are 10xxxxxx.
      while (bytes.length > 0 && (bytes.pop()! & 0xc0) === 0x80);
      continue;
    }
    if (bytes.push(byte) > longest) throw new Error(`password: allowed are ${longest} bytes`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
  } catch {
    throw new Error("password: found bytes that are no UTF-8");
  }
}
