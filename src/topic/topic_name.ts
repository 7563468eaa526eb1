/**
 * Topic Names: what makes one well formed. MQTT 5.0 sections 4.7.1 and 4.7.3.
 *
 * A name is kept as it came: nothing here trims, folds or normalises it [MQTT-4.7.3-4].
 */

/** A Topic Name that has been found good; `a/b/c`, levels parted by `/`, any level may be empty. */
export type TopicName = string;

/** The most bytes that a UTF-8 Encoded String of a packet holds, section 1.5.4. */
export const MAXIMUM_STRING_BYTES = 65_535;

/** The words for a U+0000 or for too many bytes or levels, which names and filters share. */
export function stringProblem(
  text: string,
  noun: "Topic Name" | "Topic Filter",
  maximumLevels: number,
  maximumBytes: number,
): string | undefined {
  if (text.length === 0) return `the ${noun} is empty`; // [MQTT-4.7.3-1]
  let levels = 1;
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === SLASH) levels++;
    else if (unit === 0) return `the ${noun} contains U+0000`; // [MQTT-4.7.3-2]
    // A surrogate pair is two units and four bytes, so each half counts for two.
    else if (unit >= 0x800) bytes += unit >= 0xd800 && unit <= 0xdfff ? 1 : 2;
    else if (unit >= 0x80) bytes += 1;
  }
  if (bytes > maximumBytes) { // [MQTT-4.7.3-3]
    return `the ${noun} takes ${bytes} bytes of UTF-8, more than ${maximumBytes}`;
  }
  if (levels > maximumLevels) {
    return `the ${noun} has ${levels} levels, more than the ${maximumLevels} allowed`;
  }
  return undefined;
}

const SLASH = 0x2f;

/**
 * What is wrong with a Topic Name, in words, or undefined when it is good.
 *
 * @param name the name as it stood in the packet, decoded
 * @param maximumLevels the most levels allowed; `a/b` has two, `/a` has two
 * @param maximumBytes of UTF-8
 */
export function topicNameProblem(
  name: string,
  maximumLevels: number,
  maximumBytes: number = MAXIMUM_STRING_BYTES,
): string | undefined {
  if (name.includes("+") || name.includes("#")) { // [MQTT-4.7.1-1]
    return "the Topic Name contains a wildcard character, which only a Topic Filter may";
  }
  return stringProblem(name, "Topic Name", maximumLevels, maximumBytes);
}
