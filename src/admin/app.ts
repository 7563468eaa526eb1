/**
 * What is answered over HTTP, built from parts: each part adds its routes to one app. A part knows neither
 * sockets nor limits; those are http.ts.
 */

import { Hono } from "hono";

/** What a part knows of a request besides the request. */
export interface AdminEnvironment {
  readonly Bindings: {
    /** Where it came from, with the port. */
    readonly address: string;
  };
}

export type AdminApp = Hono<AdminEnvironment>;

/** Adds routes. */
export type Part = (app: AdminApp) => void;

/** The app of these parts; what none of them answers is 404, and a defect in one is 500 without details. */
export function appOf(parts: readonly Part[], broken: (error: unknown) => void): AdminApp {
  const app: AdminApp = new Hono();
  for (const add of parts) add(app);
  app.notFound((context) => context.text("not found\n", 404));
  app.onError((error, context) => {
    broken(error);
    return context.text("internal error: the log of the broker has the details\n", 500);
  });
  return app;
}
