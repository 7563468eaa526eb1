/**
 * The data directory: made on first start, and held by one process at a time.
 */

/** A directory that nobody else uses as long as this is held. */
export interface DataDirectory {
  readonly path: string;
  release(): void;
}

/**
 * Makes the directory if it is not there and locks it; the system lets go of the lock when the process
 * ends, however it ends.
 *
 * @throws where it cannot be made, or another process holds it
 */
export function holdDataDirectory(path: string): DataDirectory {
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  const file = Deno.openSync(`${path}/lock`, { create: true, write: true });
  if (!file.tryLockSync(true)) {
    file.close();
    throw new Error(
      `the data directory ${path} is in use by another process; ` +
        "stop that one, or give this one a directory of its own (data, --data)",
    );
  }
  return {
    path,
    release() {
      file.unlockSync();
      file.close();
    },
  };
}
