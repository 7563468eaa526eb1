/**
 * The configuration from the real disk and the real environment.
 *
 * The only file of the configuration that touches Deno.
 */

import { loadConfig, type Loaded } from "./config.ts";
import type { Overrides } from "./config_override.ts";
import type { Outside } from "./config_substitute.ts";

/** The environment and the disk of this process. */
export const system: Outside = {
  env: (name) => Deno.env.get(name),
  readFile: (path) => Deno.readTextFileSync(path),
};

/**
 * Loads the configuration as `dunlin run` does.
 *
 * @param options `config` is the path of the file; without it the embedded defaults hold
 */
export function loadSystemConfig(
  options: Overrides & { readonly config?: string | undefined },
): Loaded {
  return loadConfig({ ...system, file: options.config, port: options.port, data: options.data });
}
