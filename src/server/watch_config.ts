/**
 * Tells when the files that decide about a configuration say something else than what is in force, and have
 * come to rest: a file that is being written may be empty for an instant, which is a configuration, too.
 */

import { watchFiles } from "./watch_files.ts";

/** Milliseconds between looks, and that a file has to stay the same before it is taken for whole. */
const LOOK = 1_000;
const REST = 300;

/**
 * Watches until it is stopped.
 *
 * @param files with their texts as they are in force, "" where one could not be read
 * @param changed is told once for each other set of texts
 * @returns stops it
 */
export function watchConfig(
  files: ReadonlyMap<string, string>,
  changed: () => void,
): () => void {
  const paths = [...files.keys()];
  let known = [...files.values()];
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = (before: readonly string[]) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const now = await textsOf(paths);
      if (stopped) return;
      if (!isSame(now, before)) return settle(now);
      if (isSame(now, known)) return;
      known = now;
      changed();
    }, REST);
    Deno.unrefTimer(timer);
  };
  const look = async () => {
    const now = await textsOf(paths);
    if (!stopped && !isSame(now, known)) settle(now);
  };
  const stop = watchFiles(paths, LOOK, look);
  look(); // it may have changed since it was read
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}

function textsOf(paths: readonly string[]): Promise<string[]> {
  return Promise.all(paths.map((path) => Deno.readTextFile(path).catch(() => "")));
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.every((text, at) => text === other[at]);
}
