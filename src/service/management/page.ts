/**
 * Lists in pages with a stable order: by a key of each item, which the next page begins behind. What comes
 * and goes between two pages moves nothing else.
 */

import * as z from "zod";

/** What every list takes. */
export const pageShape = {
  limit: z.int().min(1).max(100_000).default(100).describe("Items at most in the reply."),
  after: z.string().max(131_072).optional().describe(
    "`next` of the page before; the list begins behind it.",
  ),
};

export interface Page<T> {
  readonly items: readonly T[];
  /** For `after`; undefined: there are no more. */
  readonly next: string | undefined;
}

/**
 * The items with the smallest keys behind `after`, in their order. It goes through all of them once, and
 * keeps no more than twice the page.
 *
 * @param keyOf a text that no two items share
 * @param most items in a page, whatever is asked for
 */
export function pageOf<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  most: number,
): Page<T> {
  const wanted = Math.min(limit, most);
  const room = 2 * wanted + 2;
  let kept: { readonly key: string; readonly item: T }[] = [];
  /** No key above it is in the page. */
  let bound: string | undefined;
  for (const item of items) {
    const key = keyOf(item);
    if (after !== undefined && key <= after) continue;
    if (bound !== undefined && key > bound) continue;
    kept.push({ key, item });
    if (kept.length < room) continue;
    kept = smallest(kept, wanted + 1);
    bound = kept[kept.length - 1]!.key;
  }
  kept = smallest(kept, wanted + 1);
  const page = kept.slice(0, wanted);
  return {
    items: page.map(({ item }) => item),
    next: kept.length > wanted ? page[page.length - 1]!.key : undefined,
  };
}

function smallest<T extends { readonly key: string }>(all: T[], count: number): T[] {
  return all.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0).slice(0, count);
}
