/** Which values of the configuration are nobody's business: those are neither explained nor quoted. */

const SECRET =
  /(^|\.)authentication\.(.*(Key|salt|secret)|http\.(headers|body)\[\d+\]\.value)$|^dynamicSecurity\.adminPassword$|^(store|cluster)\.redis\.(sentinel\.)?password$/;

/** Whether the value at that path, as text, is a secret or may hold one. */
export function isSecret(path: string): boolean {
  return SECRET.test(path);
}
