/**
 * MQTT over a Unix domain socket: for programs on the same machine, guarded by the file's mode.
 */

import { DenoLink, listenerOf } from "./deno_link.ts";
import type { Listener } from "./transport.ts";

/**
 * Listens on a path, which a socket that nobody listens on any more does not block.
 *
 * @param mode of the socket file, in octal digits
 * @throws where somebody listens there, or where something else than a socket has that name
 */
export async function listenUnix(path: string, mode: string): Promise<Listener> {
  await removeStale(path);
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.chmod(path, parseInt(mode, 8));
  return listenerOf(listener, path, (conn) => new DenoLink(conn, path), () => removeOwn(path));
}

/** Nobody listens any more, whether that succeeds or not, and the next start replaces what is left. */
function removeOwn(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It has been removed already, as Deno does by itself, or the directory may not be written to any more.
  }
}

async function removeStale(path: string): Promise<void> {
  let found: Deno.FileInfo;
  try {
    found = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (found.isSocket !== true) {
    throw new Deno.errors.AlreadyExists(`${path} exists and is no socket; choose another path`);
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch {
    return await Deno.remove(path);
  }
  throw new Deno.errors.AddrInUse(`another process listens on ${path}`);
}
