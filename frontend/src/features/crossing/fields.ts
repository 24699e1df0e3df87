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
