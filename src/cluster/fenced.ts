/**
 * The end of a node that the others have declared dead: the process ends with it, to come back as a new node.
 */

const NAME = "Fenced";

/** The error that says so. */
export function fencedError(detail: string): Error {
  const error = new Error(detail);
  error.name = NAME;
  return error;
}

/** Whether an error says so. */
export function isFenced(error: unknown): error is Error {
  return error instanceof Error && error.name === NAME;
}
