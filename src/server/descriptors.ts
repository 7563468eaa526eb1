/**
 * How many files this process may have open. Deno does not let a program without all permissions read
 * the limit, and a process that runs out panics; so it is tried out, once, before the first client.
 */

/**
 * Opens a file until the system refuses or `wanted` are open, and closes them all.
 *
 * @param path of a file that may be read
 * @returns how many more descriptors the process may open, `wanted` at most
 */
export function availableDescriptors(path: string, wanted: number): number {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < wanted) files.push(Deno.openSync(path));
  } catch (error) {
    // Whatever else is wrong with the file, the limit has not been reached and is not known.
    if (!String(error).includes("os error 24")) return wanted;
  } finally {
    for (const file of files) file.close();
  }
  return files.length;
}
