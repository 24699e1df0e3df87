/** A value of a row or document as people read it: text in quotes, types of BSON as its shell writes them. */
export function shownValue(value: unknown): string {
  if (isTyped(value, '$date')) return `ISODate("${value.$date}")`
  if (isTyped(value, '$oid')) return `ObjectId("${value.$oid}")`
  if (isTyped(value, '$decimal')) return `Decimal128("${value.$decimal}")`
  if (isTyped(value, '$int')) return value.$int
  if (isTyped(value, '$binary')) return `BinData(0, "${value.$binary}")`
  return value === undefined ? '' : JSON.stringify(value)
}

/** A value of a column: what is absent is NULL there. */
export function shownInColumn(value: unknown): string {
  if (value === null) return 'NULL'
  if (isTyped(value, '$decimal')) return value.$decimal
  return isTyped(value, '$date') ? value.$date.replace('T', ' ') : shownValue(value)
}

export function isTyped<Name extends string>(value: unknown, name: Name): value is Record<Name, string> {
  return typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[name] === 'string'
}
