/**
 * Shapes of JSON values: one description that both writes a value as JSON and reads it back, with every
 * part checked. For files that come from elsewhere and must be refused with the place of what is wrong.
 */

/** How a value looks as JSON. An `undefined` from `toJson` is a field that is left out. */
export interface Shape<T> {
  readonly toJson: (value: T) => unknown;
  /** Throws an Error that begins with the path. */
  readonly fromJson: (json: unknown, path: string) => T;
}

/** The error to throw at a value that is not what is expected. */
export function wrong(path: string, found: unknown, expected: string): Error {
  const text = found === undefined ? "nothing" : JSON.stringify(found);
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return new Error(`${path}: found ${short}, expected ${expected}`);
}

/** A value that is the same in JSON, if `is` says so. */
export function plain<T>(expected: string, is: (json: unknown) => boolean): Shape<T> {
  return {
    toJson: (value) => value,
    fromJson(json, path) {
      if (is(json)) return json as T;
      throw wrong(path, json, expected);
    },
  };
}

export const flag: Shape<boolean> = plain("true or false", (json) => typeof json === "boolean");

/** A whole number from `least` to `most`. */
export function integer(least: number, most: number): Shape<number> {
  return plain(
    `a whole number from ${least} to ${most}`,
    (json) => Number.isSafeInteger(json) && json as number >= least && json as number <= most,
  );
}

/** One of some values. */
export function oneOf<T extends string | number>(...values: readonly T[]): Shape<T> {
  const expected = `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  return plain(expected, (json) => (values as readonly unknown[]).includes(json));
}

/** A text of at most so many UTF-16 units, in which no half of a pair stands alone. */
export function text(most: number): Shape<string> {
  return plain(
    `a text of at most ${most} characters`,
    (json) => typeof json === "string" && json.length <= most && json.isWellFormed(),
  );
}

/** A finite number, or Infinity, which is left out. */
export const instant: Shape<number> = {
  toJson: (value) => value === Infinity ? undefined : value,
  fromJson(json, path) {
    if (json === undefined) return Infinity;
    if (typeof json === "number" && Number.isFinite(json)) return json;
    throw wrong(path, json, "milliseconds since 1970, or nothing for never");
  },
};

/** Bytes, in base64 with padding. */
export const bytes: Shape<Uint8Array> = {
  toJson: (value) => value.toBase64(),
  fromJson(json, path) {
    try {
      if (typeof json === "string") {
        return Uint8Array.fromBase64(json, { lastChunkHandling: "strict" });
      }
    } catch {
      // Said below.
    }
    throw wrong(path, json, "bytes in base64");
  },
};

/** At most so many values of one shape. */
export function list<T>(of: Shape<T>, most: number): Shape<readonly T[]> {
  return {
    toJson: (values) => values.map(of.toJson),
    fromJson(json, path) {
      if (!Array.isArray(json) || json.length > most) {
        throw wrong(path, json, `a list of at most ${most}`);
      }
      return json.map((item, at) => of.fromJson(item, `${path}[${at}]`));
    },
  };
}

/** Two values of one shape. */
export function pair<T>(of: Shape<T>): Shape<readonly [T, T]> {
  const both = list(of, 2);
  return {
    toJson: both.toJson,
    fromJson(json, path) {
      const [one, other, ...none] = both.fromJson(json, path);
      if (one === undefined || other === undefined || none.length > 0) {
        throw wrong(path, json, "a list of 2");
      }
      return [one, other];
    },
  };
}

/** A value, or undefined, which is left out. */
export function maybe<T>(of: Shape<T>): Shape<T | undefined> {
  return {
    toJson: (value) => value === undefined ? undefined : of.toJson(value),
    fromJson: (json, path) => json === undefined ? undefined : of.fromJson(json, path),
  };
}

/**
 * An object with these fields, which are written in this order, and no others.
 *
 * @param sparse a field that is not there is left out of the value too, in place of being undefined
 */
export function fields<T extends object>(
  shapes: { readonly [K in keyof Required<T>]: Shape<Required<T>[K]> },
  sparse = false,
): Shape<T> {
  const names = Object.keys(shapes) as (keyof T & string)[];
  return {
    toJson(value) {
      const json: Record<string, unknown> = {};
      for (const name of names) {
        const field = (shapes[name] as Shape<unknown>).toJson(value[name]);
        if (field !== undefined) json[name] = field;
      }
      return json;
    },
    fromJson(json, path) {
      if (typeof json !== "object" || json === null || Array.isArray(json)) {
        throw wrong(path, json, "an object");
      }
      const from = json as Record<string, unknown>;
      for (const name of Object.keys(from)) {
        if (!Object.hasOwn(shapes, name)) {
          throw wrong(`${path}.${name}`, from[name], `no such field: ${names.join(", ")}`);
        }
      }
      const value: Record<string, unknown> = {};
      for (const name of names) {
        const there = Object.hasOwn(from, name) ? from[name] : undefined;
        const field = shapes[name].fromJson(there, `${path}.${name}`);
        if (field !== undefined || !sparse) value[name] = field;
      }
      return value as T;
    },
  };
}
