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

function inRow(customer: Crossing, field: EditField): unknown {
  const root = customer.rows[0]
  const place = root ? [...root.key, ...root.columns].indexOf(field) : -1
  return root?.rows[0]?.[place]
}

/** Something new for each side to begin with: an edit that changes nothing meets nothing. */
export function suggestion(field: EditField, side: Side, now = new Date()): string {
  if (field === 'active') return side === 'mysql' ? 'true' : 'false'
  if (field === 'birthdate') return `${side === 'mysql' ? '1815-12-10' : '1906-12-09'}T${now.toISOString().slice(11, 19)}Z`
  return `${side === 'mysql' ? 'Ada' : 'Grace'} at ${now.toLocaleTimeString(undefined, { hour12: false })}`
}
