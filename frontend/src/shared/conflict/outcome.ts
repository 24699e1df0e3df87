import type { ConflictDetail, DecidedField, Loser, Side } from '@/shared/api/generated/types.gen'
import { placeId } from '@/shared/format/places'
import { isSide } from '@/shared/format/sides'
import { shownValue } from '@/shared/format/value'

/** What became of one side's value at one place. */
export type Fate = 'winner' | 'loser' | 'gave way' | 'in question' | 'both'

export interface Version {
  side: Side
  /** The place's column; "" for a row as a whole, or a list. */
  column: string
  value: unknown
  /** Microseconds since the epoch; null where nobody noted the value. */
  time: number | null
  fate: Fate
}

export interface DecidedPlace {
  id: string
  field: DecidedField
  versions: readonly [Version, Version]
}

/** The side that a person took whole; null where nobody did. */
export function repairedFrom({ resolution }: Pick<ConflictDetail, 'resolution'>): Side | null {
  if (typeof resolution !== 'object' || resolution === null || !('repaired_from' in resolution)) return null
  const from = resolution.repaired_from
  return typeof from === 'string' && isSide(from) ? from : null
}

/** A value of a place, in words; of a row as a whole, whether it is there, or what stood there that no rows express. */
export function shownAt(column: string, value: unknown): string {
  if (!column && typeof value === 'string') return `could not be read as rows: ${value}`
  if (!column && (typeof value === 'boolean' || value === null)) return value ? 'there' : 'not there'
  return value === null ? 'absent' : shownValue(value)
}

/** Each place that differed, with both values. A value that the winner's writer had seen gave way: it lost nothing. */
export function decidedPlaces(conflict: ConflictDetail): DecidedPlace[] {
  const losers = new Set((conflict.losers ?? []).map(placeId))
  return (conflict.fields ?? []).map((field) => {
    const lost = losers.has(placeId(field))
    const version = (side: Side): Version => ({
      side,
      column: field.column,
      value: field[side],
      time: side === 'mysql' ? field.mysql_time : field.mongo_time,
      fate: fateOf(field, side, lost),
    })
    return { id: placeId(field), field, versions: [version('mysql'), version('mongo')] }
  })
}

function fateOf(field: DecidedField, side: Side, lost: boolean): Fate {
  if (field.winner === side) return 'winner'
  if (field.winner === null && !isPersons(field)) return isAsked(field) ? 'in question' : 'both'
  return lost ? 'loser' : 'gave way'
}

/** Whether a person is still to decide. Conflicts of earlier versions do not tell their policies. */
function isAsked(field: DecidedField): boolean {
  return field.winner === null && !('own' in field) && (field.policy ?? 'manual') === 'manual'
}

/** Whether a value of a person's own stands, and not what both sides' changes come to. */
export function isPersons(field: DecidedField): boolean {
  return 'own' in field && (field.policy ?? A_PERSON) === A_PERSON
}

/** As policy: a person has decided. */
const A_PERSON = 'a person'

/** Values that were left out and are not among those of the last decision: earlier looks kept them. */
export function furtherLosers(conflict: ConflictDetail): Loser[] {
  const shown = new Set(
    decidedPlaces(conflict).flatMap(({ id, versions }) => versions.map(({ side, value }) => identity(id, side, value))),
  )
  return (conflict.losers ?? []).filter((loser) => !shown.has(identity(placeId(loser), loser.side, loser.value)))
}

function identity(place: string, side: Side, value: unknown): string {
  return JSON.stringify([place, side, value])
}
