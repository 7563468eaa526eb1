/** The rows that run the table of hostile input, one for each subject. */

import type { Held, Standard } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Subject } from "./cases.ts";
import { runCases } from "./cases.ts";
import { conducts } from "./conduct.ts";
import { connectSubjects } from "./connects.ts";
import { framingSubjects } from "./framing.ts";
import { propertySubjects } from "./properties.ts";
import { aliasSubjects, sequenceSubjects } from "./sequences.ts";
import { propertyStringSubjects, stringSubjects } from "./strings.ts";
import { topicSubjects } from "./topics.ts";

const IN_BOTH: readonly Subject[] = [
  ...stringSubjects,
  ...framingSubjects,
  ...connectSubjects,
  ...topicSubjects,
  ...sequenceSubjects,
];
const IN_5: readonly Subject[] = [...propertyStringSubjects, ...propertySubjects, ...aliasSubjects];

/** The rows of one version, under the statement that what is wrong ends its connection. */
export function hostileRows(standard: Standard): readonly Held[] {
  const five = standard === "5.0";
  const id = five ? "MQTT-4.13.1-1" : "MQTT-4.8.0-1";
  const version = five ? 5 : 4;
  const subjects = five ? [...IN_BOTH, ...IN_5] : IN_BOTH;
  return [
    ...subjects.map((subject) => {
      const count = subject.cases(version).length;
      const name = `${subject.what} (${count} inputs)`;
      return holds(standard, id, name, (at) => runCases(at, subject));
    }),
    ...conducts.map(([what, body]) => holds(standard, id, what, (at) => body(at, version))),
  ];
}
