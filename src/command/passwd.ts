/**
 * `dunlin passwd FILE USER`: sets or deletes a user of a password file that Mosquitto reads too.
 *
 * The password comes from standard input, and is neither shown nor kept. The file is replaced whole: a
 * broker that watches it reads the old one or the new one.
 */

import {
  faultText,
  longestPasswordFile,
  nameFault,
  parsePasswordFile,
  withoutUser,
  withUser,
} from "../authentication/password_file.ts";
import { formatPasswordHash, hashPassword } from "../authentication/password_hash.ts";
import { readLine, readPassword } from "./password.ts";

/** What `dunlin passwd` takes from the command line. */
export interface PasswdOptions {
  readonly delete?: boolean;
  /** Take the first line of standard input without asking, also from a terminal. */
  readonly batch?: boolean;
  readonly iterations: number;
}

/**
 * Iterations where the command line names none: about 20 ms a login, a hundred times what mosquitto_passwd
 * takes, and still some fifty logins a second on one thread.
 */
export const usualPasswordIterations = 20_000;

/**
 * Edits the file, which is made if there is none.
 *
 * @returns the exit status: 0, or 1 where name, password or file cannot be used
 */
export async function passwd(file: string, user: string, options: PasswdOptions): Promise<number> {
  try {
    const fault = nameFault(user);
    if (fault !== undefined) throw new Error(`user name: found ${fault}`);
    if (options.delete === true) {
      edit(file, (text) => {
        const left = withoutUser(text, user);
        if (left === undefined) {
          throw new Error(`${file}: there is no user ${JSON.stringify(user)}`);
        }
        return left;
      });
      return 0;
    }
    const password = options.batch === true ? await readLine() : await readPassword(user);
    if (password === "") throw new Error("password: found nothing");
    const bytes = new TextEncoder().encode(password);
    const hash = formatPasswordHash(await hashPassword(bytes, options.iterations));
    edit(file, (text) => withUser(text, user, hash));
    return 0;
  } catch (error) {
    console.error(`dunlin passwd: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/** Replaces a file whole. A file beside it, made for the time of it, keeps two from doing so at once. */
function edit(file: string, change: (text: string) => string): void {
  const place = realPlace(file);
  const beside = `${place}.new`;
  let made: Deno.FsFile;
  try {
    made = Deno.openSync(beside, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new Error(
      `${beside} is there: somebody else is editing the file; if nobody is, remove it`,
      { cause: error },
    );
  }
  try {
    const before = readOrEmpty(place);
    const { faults } = parsePasswordFile(before.text);
    for (const fault of faults) console.error(faultText(file, fault));
    const bytes = new TextEncoder().encode(change(before.text));
    for (let at = 0; at < bytes.length;) at += made.writeSync(bytes.subarray(at));
    made.syncSync();
    if (before.info !== undefined) keepOwner(beside, before.info);
    Deno.renameSync(beside, place);
  } catch (error) {
    Deno.removeSync(beside);
    throw error;
  } finally {
    made.close();
  }
}

/** Where a link leads, so that the file is replaced and not the link. */
function realPlace(file: string): string {
  try {
    return Deno.realPathSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return file;
    throw error;
  }
}

function readOrEmpty(file: string): { readonly text: string; readonly info?: Deno.FileInfo } {
  try {
    const info = Deno.statSync(file);
    if (info.size > longestPasswordFile) {
      throw new Error(`${file}: found ${info.size} bytes; allowed are ${longestPasswordFile}`);
    }
    return { text: Deno.readTextFileSync(file), info };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { text: "" };
    throw error;
  }
}

/** The broker may run as another user, who has to be able to read it still. */
function keepOwner(file: string, { mode, uid, gid }: Deno.FileInfo): void {
  if (uid !== null && gid !== null) {
    try {
      Deno.chownSync(file, uid, gid);
    } catch {
      // Only root may give files away; whoever may write the file has its own.
    }
  }
  if (mode !== null) Deno.chmodSync(file, mode & 0o777);
}
