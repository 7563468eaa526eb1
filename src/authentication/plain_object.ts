/** JSON objects among other JSON values. */

/** Whether a value of JSON.parse is an object `{ }`. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
