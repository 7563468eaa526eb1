/**
 * Bounds how many lines of a category are written in a second; the rest is counted and told once.
 *
 * A flood of bad clients must not fill a disk nor slow the others down by logging.
 */

/** One second of one category. */
interface Window {
  startedAt: number;
  written: number;
  suppressed: number;
}

const second = 1_000;
const mostCategories = 256;

/**
 * The counters of all categories: a mutable island, owned by log.ts.
 *
 * A timer runs only while lines are suppressed, and never keeps the program alive.
 */
export class LineRate {
  readonly #windows = new Map<string, Window>();
  readonly #linesPerSecond: number;
  readonly #tell: (category: string, suppressed: number) => void;
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param linesPerSecond for each category
   * @param tell is told how many lines of a category were suppressed since it was last told
   * @param now milliseconds that never fall
   */
  constructor(
    linesPerSecond: number,
    tell: (category: string, suppressed: number) => void,
    now: () => number,
  ) {
    this.#linesPerSecond = linesPerSecond;
    this.#tell = tell;
    this.#now = now;
  }

  /** Whether one more line of the category may be written now; if not, it is counted. */
  admit(category: string): boolean {
    const window = this.#windowOf(category);
    const now = this.#now();
    if (now - window.startedAt >= second) {
      this.#settle(category, window);
      window.startedAt = now;
      window.written = 0;
    }
    if (window.written < this.#linesPerSecond) {
      window.written++;
      return true;
    }
    window.suppressed++;
    if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#settleAll(), second);
      Deno.unrefTimer(this.#timer);
    }
    return false;
  }

  /** Tells what is owed about suppressed lines, and stops the timer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#settleAll();
  }

  #settleAll(): void {
    this.#timer = undefined;
    for (const [category, window] of this.#windows) this.#settle(category, window);
  }

  #settle(category: string, window: Window): void {
    if (window.suppressed === 0) return;
    const { suppressed } = window;
    window.suppressed = 0;
    this.#tell(category, suppressed);
  }

  #windowOf(category: string): Window {
    // Categories are names in the code; beyond the bound they share one window.
    const name = this.#windows.size < mostCategories || this.#windows.has(category)
      ? category
      : "other";
    let window = this.#windows.get(name);
    if (window === undefined) {
      window = { startedAt: this.#now(), written: 0, suppressed: 0 };
      this.#windows.set(name, window);
    }
    return window;
  }
}
