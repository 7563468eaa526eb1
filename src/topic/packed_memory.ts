/**
 * Memory for many small pieces outside of the heap of JavaScript: what lies here the garbage collector neither copies
 * nor marks. Part of the islands that keep what is retained; it knows nothing of topics.
 *
 * Pieces of one size share pages of 64 KiB. A page that becomes empty is let go, but for the last
 * one of each size. A piece above 1 KiB has a page for itself.
 *
 *     place ── upper bits ──► page ── the lower twelve, times 16 ──► offset
 */

/** Sizes of pieces are multiples of that, and offsets too. */
const UNIT = 16;
const UNITS_A_PAGE = 4096;
/** Up to so many units there is a size for each number of them, above it for every fourth. */
const FINE_UNITS = 16;
const MOST_UNITS = 64;
/** Places are 31 bits: 524,287 pages. */
const MOST_PAGES = 2 ** 31 / UNITS_A_PAGE;

/** Where a piece lies: `bytes[offsetOf(place)…]`, or the same in larger numbers. Never 0. */
export type Place = number;

export interface Page {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly number: number;
  /** Of each piece. */
  readonly units: number;
  /** Pieces that are taken. */
  live: number;
  /** The first unit that was never taken. */
  fresh: number;
  /** One more than the first unit of the piece that was given back last, which begins with that of the one before. */
  given: number;
  /** Stands in the list of pages with room. */
  listed: boolean;
}

/** Bytes from the beginning of its page. */
export function offsetOf(place: Place): number {
  return (place & UNITS_A_PAGE - 1) * UNIT;
}

export class PackedMemory {
  /** By number; none has the number 0. */
  readonly #pages: (Page | undefined)[] = [undefined];
  readonly #freeNumbers: number[] = [];
  /**
   * Numbers of pages with room, by the units of their pieces. Who has been let go stays in the list until it is come
   * to: the list is never longer than there were pages of that size, as a new one is made when it is empty.
   */
  readonly #roomy: number[][] = Array.from({ length: MOST_UNITS + 1 }, () => []);

  /** The page of a piece that is taken. */
  pageOf(place: Place): Page {
    return this.#pages[place >>> 12]!;
  }

  /** Bytes of the piece, which may be more than were asked for. */
  sizeOf(place: Place): number {
    return this.pageOf(place).units * UNIT;
  }

  /** Pieces that are taken. */
  get pieces(): number {
    return this.#pages.reduce((sum, page) => sum + (page?.live ?? 0), 0);
  }

  /** Pages that there are. */
  get pages(): number {
    return this.#pages.length - 1 - this.#freeNumbers.length;
  }

  /** A piece of at least so many bytes, with any content. Throws a RangeError where 524,287 pages are taken. */
  take(size: number): Place {
    const units = unitsFor(size);
    if (units > MOST_UNITS) {
      const page = this.#newPage(units, units);
      page.live = 1;
      return page.number * UNITS_A_PAGE;
    }
    const page = this.#roomyPage(units);
    page.live += 1;
    let unit = page.fresh;
    if (page.given > 0) {
      unit = page.given - 1;
      page.given = page.words[unit * UNIT >>> 2]!;
    } else {
      page.fresh += units;
    }
    if (isFull(page)) {
      this.#roomy[units]!.pop();
      page.listed = false;
    }
    return page.number * UNITS_A_PAGE + unit;
  }

  /** Gives a piece back. */
  give(place: Place): void {
    const page = this.pageOf(place);
    page.live -= 1;
    const { units, words } = page;
    if (units > MOST_UNITS) return this.#letGo(page);
    const roomy = this.#roomy[units]!;
    if (page.live === 0 && roomy.length > 1) {
      if (roomy[roomy.length - 1] === page.number) roomy.pop();
      return this.#letGo(page);
    }
    words[offsetOf(place) >>> 2] = page.given;
    page.given = (place & UNITS_A_PAGE - 1) + 1;
    if (page.listed) return;
    page.listed = true;
    roomy.push(page.number);
  }

  /** The page that the next piece of that size is taken from. */
  #roomyPage(units: number): Page {
    const roomy = this.#roomy[units]!;
    while (roomy.length > 0) {
      const page = this.#pages[roomy[roomy.length - 1]!];
      if (page?.units === units && !isFull(page)) return page;
      roomy.pop();
    }
    const page = this.#newPage(units, UNITS_A_PAGE);
    page.listed = true;
    roomy.push(page.number);
    return page;
  }

  #newPage(units: number, size: number): Page {
    const number = this.#freeNumbers.pop() ?? this.#pages.length;
    if (number >= MOST_PAGES) throw new RangeError(`no more than ${MOST_PAGES} pages`);
    const buffer = new ArrayBuffer(size * UNIT);
    return this.#pages[number] = {
      bytes: new Uint8Array(buffer),
      words: new Int32Array(buffer),
      doubles: new Float64Array(buffer),
      number,
      units,
      live: 0,
      fresh: 0,
      given: 0,
      listed: false,
    };
  }

  #letGo(page: Page): void {
    this.#pages[page.number] = undefined;
    this.#freeNumbers.push(page.number);
  }
}

function unitsFor(size: number): number {
  const units = Math.ceil(size / UNIT);
  return units <= FINE_UNITS || units > MOST_UNITS ? units : units + 3 & ~3;
}

function isFull({ given, fresh, units }: Page): boolean {
  return given === 0 && fresh + units > UNITS_A_PAGE;
}
