/**
 * Waiting with a limit: a test that waits for what never comes fails with words, not with a hang.
 */

/** Milliseconds that a slow and busy machine may take for what should take a few. */
export const PATIENCE = 15_000;

/** The promise's value; an error that names `what` when it takes longer. */
export async function within<T>(
  promise: Promise<T>,
  what: string | (() => string),
  milliseconds = PATIENCE,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const words = typeof what === "string" ? what : what();
      reject(new Error(`waited ${milliseconds} ms in vain for ${words}`));
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
