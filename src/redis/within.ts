/**
 * What a Redis that hangs must not hold up: npm:redis itself waits for ever.
 */

import { redisTrouble } from "./trouble.ts";

/**
 * The promise's value.
 *
 * @param what there is not in time, for the words
 * @throws `away` when it takes longer; what comes of it later is let go of
 */
export async function within<T>(
  milliseconds: number,
  promise: Promise<T>,
  what = "answer",
): Promise<T> {
  promise.catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const words = `no ${what} within ${milliseconds} ms`;
    timer = setTimeout(() => reject(redisTrouble("away", words)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
