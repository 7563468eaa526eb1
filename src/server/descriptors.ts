/**
 * How many connections the process has file descriptors for. Deno does not let a program without all
 * permissions read the limit, and in one that runs out the management's server accepts nothing any more, for
 * good; so it is tried out, a step ahead of the connections: to try 10,000 at start costs 10 MB and a quarter
 * of a second.
 */

/** Connections that are proven first: each opening costs the start 25 microseconds. */
const FIRST_STEP = 32;
/** Then as many again as there are, this many at most: with the reserve that is 1.25 openings a connection. */
const LARGEST_STEP = 256;

export class DescriptorRoom {
  readonly #path: string;
  #reserve: number;
  readonly #onFewer: (connections: number, wanted: number) => void;
  #wanted: number;
  /** As many as are asked for, or as were found to be the most. */
  #most: number;
  /** So many are known to find a descriptor. */
  #proven = 0;

  /**
   * Proves the first step.
   *
   * @param path of a file that may be read
   * @param wanted connections
   * @param reserve descriptors that are left for everything else
   * @param onFewer told once, when there turn out to be fewer
   */
  constructor(
    path: string,
    wanted: number,
    reserve: number,
    onFewer: (connections: number, wanted: number) => void,
  ) {
    this.#path = quickToOpen(path);
    this.#most = this.#wanted = wanted;
    this.#reserve = reserve;
    this.#onFewer = onFewer;
    this.has(0);
  }

  /** Other numbers; how many descriptors there are is found out anew. */
  change(wanted: number, reserve: number): void {
    if (wanted === this.#wanted && reserve === this.#reserve) return;
    this.#most = this.#wanted = wanted;
    this.#reserve = reserve;
    this.#proven = 0;
  }

  /** Connections at most, as far as is known. */
  get most(): number {
    return this.#most;
  }

  /** Whether there is room for another connection beside those that are open. */
  has(open: number): boolean {
    if (open >= this.#most) return false;
    if (open < this.#proven) return true;
    const step = Math.min(Math.max(FIRST_STEP, open), LARGEST_STEP, this.#most - open);
    const found = availableDescriptors(this.#path, step + this.#reserve) - this.#reserve;
    const most = found < step ? Math.max(1, open + found) : this.#most;
    if (most < this.#most) this.#onFewer(this.#most = most, this.#wanted);
    this.#proven = open + found;
    return open < this.#most;
  }
}

/**
 * The null device, where it may be read: each connection of the first storm pays for one opening, which
 * takes 4 microseconds there and 9 for a file of the disk. Who is let to read some places only may read the file.
 */
function quickToOpen(path: string): string {
  const device = "/dev/null";
  try {
    Deno.openSync(device).close();
    return device;
  } catch {
    return path;
  }
}

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
