/**
 * What an embedder may import: to start a broker in a program of its own, and the interfaces that a
 * store or an authenticator of its own implements.
 */

export { start } from "./server/start.ts";
export type { Server } from "./server/start.ts";
export type { Origin, ReloadResult } from "./server/reload.ts";
export { loadConfig } from "./server/config.ts";
export type { Config, Problem } from "./server/config.ts";
export { configureLog } from "./server/log.ts";
export type { Store } from "./store/store.ts";
export type { Authenticator } from "./authentication/authenticator.ts";
export type { Exchange, Method } from "./authentication/method.ts";
