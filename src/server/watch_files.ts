/**
 * Tells when one of several files has changed. They are looked at every so often rather than waited for: that
 * works over every file system, and for files that are replaced or are links to others.
 */

/** Milliseconds: a file that was written this lately may be written again and look the same. */
const SETTLED = 2_000;

/**
 * Looks at the files until it is stopped.
 *
 * @param interval milliseconds between looks
 * @param changed is told once for all files that changed between two looks
 * @returns stops it
 */
export function watchFiles(
  paths: readonly string[],
  interval: number,
  changed: () => void,
): () => void {
  let seen = paths.map((path) => lookSync(path));
  let stopped = false;
  let timer = arm();
  function arm() {
    const timer = setTimeout(look, interval);
    Deno.unrefTimer(timer);
    return timer;
  }
  async function look() {
    const now = await Promise.all(paths.map(lookAt));
    if (stopped) return;
    const isChanged = now.some((one, at) => one !== seen[at]);
    seen = now;
    if (isChanged) changed();
    timer = arm();
  }
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

async function lookAt(path: string): Promise<string> {
  try {
    return textOf(await Deno.stat(path));
  } catch {
    return "missing";
  }
}

function lookSync(path: string): string {
  try {
    return textOf(Deno.statSync(path));
  } catch {
    return "missing";
  }
}

/** The same for files that are the same, as far as can be told without reading them. */
function textOf({ mtime, ctime, size, ino }: Deno.FileInfo): string {
  const changedAt = Math.max(mtime?.getTime() ?? 0, ctime?.getTime() ?? 0);
  return `${changedAt} ${size} ${ino} ${Date.now() - changedAt >= SETTLED}`;
}
