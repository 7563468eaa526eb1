/**
 * Limits of some laid over those of all. Pure.
 */

import type { Limits } from "./limits.ts";

/**
 * All limits, with those of `names` that `own` says something else about.
 *
 * Only `names` are looked at: what else an object of a configuration may have in it lays nothing over.
 */
export function limitsWith<Name extends keyof Limits>(
  limits: Limits,
  own: { readonly [name in Name]?: number | undefined },
  names: readonly Name[],
): Limits {
  const all: Record<keyof Limits, number> = { ...limits };
  for (const name of names) all[name] = own[name] ?? limits[name];
  return all;
}
