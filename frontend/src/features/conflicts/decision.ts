import type { TakenUnit, Unit } from '@/shared/api/generated/types.gen'
import { placeId } from '@/shared/format/places'
import { isTyped } from '@/shared/format/value'

/** What a person has chosen for one unit; `own` is what they typed. */
export interface Choice {
  take: TakenUnit['take'] | ''
  own: string
}

export type Choices = Readonly<Record<string, Choice>>

export const UNCHOSEN: Choice = { take: '', own: '' }

/** How a value of one's own is typed, by what stands there; null where one must take a side. */
export type Kind = 'text' | 'number' | 'decimal' | 'flag' | 'date'

export function kindOf(unit: Unit): Kind | null {
  if (!unit.column) return null
  const known = [unit.mysql, unit.mongo].find((value) => value !== null)
  if (isTyped(known, '$date')) return 'date'
  if (typeof known === 'boolean') return 'flag'
  if (isTyped(known, '$decimal')) return 'decimal'
  if (typeof known === 'number' || isTyped(known, '$int')) return 'number'
  return typeof known === 'string' ? 'text' : null
}

const DECIMAL = /^-?\d+(\.\d+)?$/
const MOMENT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{3})?)?)?Z?$/

/** As the API takes it; undefined where it is none of that kind. */
export function ownValue(kind: Kind, typed: string): unknown {
  switch (kind) {
    case 'text':
      return typed
    case 'number':
      return number(typed.trim())
    case 'decimal':
      return DECIMAL.test(typed.trim()) ? { $decimal: typed.trim() } : undefined
    case 'flag':
      return typed === 'true' ? true : typed === 'false' ? false : undefined
    case 'date':
      return MOMENT.test(typed.trim()) ? moment(typed.trim()) : undefined
  }
}

/** Whole numbers beyond what this language holds exactly go as text. */
function number(typed: string): unknown {
  if (/^-?\d{16,20}$/.test(typed)) return { $int: typed }
  return DECIMAL.test(typed) ? Number(typed) : undefined
}

function moment(typed: string): unknown {
  const time = new Date(`${typed.includes('T') ? typed.replace(/Z$/, '') : `${typed.replace(/Z$/, '')}T00:00`}Z`)
  return Number.isNaN(time.getTime()) ? undefined : { $date: time.toISOString().replace('Z', '') }
}

export interface Asked {
  /** What is sent, bound to the values that are shown. */
  fields: TakenUnit[]
  /** By unit, what is wrong with a typed value. */
  wrong: Readonly<Record<string, string>>
}

const NEEDED: Record<Kind, string> = {
  text: '',
  number: 'A number is needed, for example 12 or -1.5.',
  decimal: 'A decimal number is needed, for example 12.50.',
  flag: 'Choose true or false.',
  date: 'A date is needed, for example 2020-01-31 or 2020-01-31T12:00:00.000 (UTC).',
}

/** The decision as it stands; units without a choice stay open. */
export function decisionOf(units: readonly Unit[], choices: Choices): Asked {
  const fields: TakenUnit[] = []
  const wrong: Record<string, string> = {}
  for (const unit of units) {
    const id = placeId(unit)
    const { take, own } = choices[id] ?? UNCHOSEN
    if (take === '') continue
    if (take !== 'value') {
      fields.push({ ...unit, take })
      continue
    }
    const kind = kindOf(unit)
    const value = kind ? ownValue(kind, own) : undefined
    if (value === undefined) wrong[id] = kind ? NEEDED[kind] : ''
    else fields.push({ ...unit, take, value })
  }
  return { fields, wrong }
}

/** Whether the same units with the same values are shown. */
export function sameUnits(some: readonly Unit[], others: readonly Unit[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others)
}
