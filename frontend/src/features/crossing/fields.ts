import type { Crossing, EditField, Side } from '@/shared/api/generated/types.gen'
import { isTyped } from '@/shared/format/value'

/** What may be edited here. */
export const FIELDS: readonly EditField[] = ['name', 'username', 'email', 'address', 'birthdate', 'active']

const FLAGS: Record<string, boolean | null> = { true: true, false: false, absent: null }
export const FLAG_WORDS = Object.keys(FLAGS)

/** What a person typed or chose, as the API takes it. */
export function fromInput(field: EditField, text: string): unknown {
  return field === 'active' ? (FLAGS[text] ?? null) : text
}

/** What stands on a side now, to begin an edit with. */
export function asInput(customer: Crossing, side: Side, field: EditField): string {
  const value = side === 'mongo' ? customer.document?.[field] : inRow(customer, field)
  if (field === 'active') return typeof value === 'boolean' ? String(value) : 'absent'
  if (isTyped(value, '$date')) return `${value.$date.replace(/Z$/, '')}Z`
  return typeof value === 'string' ? value : ''
}

/** Whether neither side holds the customer. */
export function isNowhere({ rows, document }: Pick<Crossing, 'rows' | 'document'>): boolean {
  return document === null && rows.every((table) => table.rows.length === 0)
}

function inRow(customer: Crossing, field: EditField): unknown {
  const root = customer.rows[0]
  const place = root ? [...root.key, ...root.columns].indexOf(field) : -1
  return root?.rows[0]?.[place]
}

/** Something new for each side: an edit of what stands there already changes nothing, and equal edits do not meet. */
export function suggestions(field: EditField, standing: Readonly<Record<Side, string>>, now: Date): Record<Side, string> {
  const [first, second] = candidates(field, now)
  const mysql = first.find((text) => text !== standing.mysql) ?? ''
  return { mysql, mongo: second.find((text) => text !== standing.mongo && text !== mysql) ?? '' }
}

/** For MySQL and for MongoDB; enough of them that one is always new. */
function candidates(field: EditField, now: Date): readonly [readonly string[], readonly string[]] {
  if (field === 'active') return [FLAG_WORDS, ['false', 'absent', 'true']]
  if (field === 'birthdate') {
    const time = `T${now.toISOString().slice(11, 19)}.000Z`
    return [['1815-12-10', '1882-03-23'].map((day) => day + time), ['1906-12-09', '1919-12-08'].map((day) => day + time)]
  }
  const time = ` at ${now.toLocaleTimeString(undefined, { hour12: false })}`
  return [['Ada', 'Emmy'].map((name) => name + time), ['Grace', 'Julia'].map((name) => name + time)]
}

/** Whether a value takes more than one line to show. */
export function takesLines(field: EditField, standing: string): boolean {
  return field === 'address' || standing.includes('\n')
}
