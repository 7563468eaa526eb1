/**
 * Freezes what a test hands to a transition, so that a change in place throws where it happens.
 */

/**
 * The same value with everything that hangs on it frozen. Maps and Sets lose their means to change;
 * bytes cannot be frozen and stay as they are.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  if (value instanceof Map || value instanceof Set) seal(value);
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}

function seal(table: Map<unknown, unknown> | Set<unknown>): void {
  for (const name of ["set", "add", "delete", "clear"]) {
    if (!(name in table)) continue;
    const value = () => {
      throw new TypeError(`a frozen ${table.constructor.name} is changed by ${name}()`);
    };
    Object.defineProperty(table, name, { value });
  }
  for (const [key, part] of table.entries()) {
    deepFreeze(key);
    deepFreeze(part);
  }
}
