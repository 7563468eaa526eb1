/**
 * node:crypto, loaded when it is first used. Imported, it would be loaded by every broker, whatever its
 * configuration: that costs 10 MB and 40 ms at start.
 */

let loaded: typeof import("node:crypto") | undefined;

/** The module node:crypto. */
export function nodeCrypto(): typeof import("node:crypto") {
  return loaded ??= process.getBuiltinModule("node:crypto");
}
