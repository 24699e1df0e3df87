import type { ChangeEvent, EditField, Side, Written } from '@/shared/api/generated/types.gen'
import { placeId, type Place } from '@/shared/format/places'
import { otherSide } from '@/shared/format/sides'

/** A value as it became visible on one side: after `since`, not later than `at` (ms since the epoch). */
export interface Observation extends Place {
  kind: 'observation'
  side: Side
  since: number
  at: number
  value: unknown
}

/** An edit made from this page, with the value of each side that was written and when it acknowledged. */
export interface WriteNote {
  kind: 'write'
  field: EditField
  written: Written
}

/** The connection was renewed: what happened in between was not seen. */
export interface Gap {
  kind: 'gap'
}

export type LogEntry = Observation | WriteNote | Gap

/** One value on its way from a side to the other. */
export interface Crossing {
  id: string
  place: Place
  value: unknown
  /** Where it was written; null where both sides were seen to change at once. */
  from: Side | null
  /** under way: on one side only. overtaken: gone from there before it was on the other. unknown: not followed. */
  state: 'under way' | 'arrived' | 'overtaken' | 'unknown'
  /** How long it took; with `from` null, at most. */
  ms: number | null
  at: number
}

interface Journey {
  id: string
  place: Place
  value: unknown
  text: string
  seen: Partial<Record<Side, Observation>>
  written: { side: Side; at: number } | null
  lost: 'overtaken' | 'unknown' | null
}

/** Milliseconds that may lie between an edit's acknowledgement and the end of the look that first showed it. */
const SLACK = 250

export function observations(event: ChangeEvent): Observation[] {
  const { side, since, at } = event
  return event.changes.map((change) => ({
    kind: 'observation',
    side,
    since,
    at,
    table: change.table,
    key: change.key,
    column: change.column,
    value: change.value,
  }))
}

/** What crossed, newest first. */
export function crossings(log: readonly LogEntry[]): Crossing[] {
  const journeys: Journey[] = []
  log.forEach((entry, number) => {
    if (entry.kind === 'observation') observe(journeys, entry, number)
    if (entry.kind === 'gap') lose(journeys, () => true, 'unknown')
  })
  for (const entry of log) if (entry.kind === 'write') attribute(journeys, entry)
  return journeys.map(asCrossing).reverse()
}

function observe(journeys: Journey[], seen: Observation, number: number): void {
  const text = JSON.stringify(seen.value)
  const place = placeId(seen)
  const awaited = journeys.findLast((one) => underWay(one) && placeId(one.place) === place && one.text === text && !one.seen[seen.side])
  // What stood on this side at this place, and had not crossed, is gone from here.
  lose(journeys, (one) => one !== awaited && placeId(one.place) === place && one.seen[seen.side] !== undefined, 'overtaken')
  if (awaited) awaited.seen[seen.side] = seen
  else {
    const { table, key, column, value } = seen
    journeys.push({
      id: `${number} ${place}`,
      place: { table, key, column },
      value,
      text,
      seen: { [seen.side]: seen },
      written: null,
      lost: null,
    })
  }
}

function lose(journeys: Journey[], which: (journey: Journey) => boolean, how: 'overtaken' | 'unknown'): void {
  for (const journey of journeys) if (underWay(journey) && which(journey)) journey.lost = how
}

function underWay(journey: Journey): boolean {
  return journey.lost === null && !(journey.seen.mysql && journey.seen.mongo)
}

/** Which journey began with an edit of this page: the one whose first sight fits its acknowledgement. */
function attribute(journeys: Journey[], note: WriteNote): void {
  for (const side of ['mysql', 'mongo'] as const) {
    const write = note.written[side]
    if (write === null) continue
    const { at, value } = write
    const text = JSON.stringify(value)
    const begun = journeys.findLast((one) => {
      const seen = one.seen[side]
      const fits = one.place.table === 'analytics_customer' && one.place.column === note.field
      // A write of what stood there already was never seen, and began no journey.
      const same = fits && one.text === text && one.written === null
      return same && seen !== undefined && seen.since <= at && Math.abs(seen.at - at) <= SLACK && isFirst(one, side)
    })
    if (begun) begun.written = { side, at }
  }
}

/** Whether the value can have been on this side first. */
function isFirst(journey: Journey, side: Side): boolean {
  const here = journey.seen[side]
  const there = journey.seen[otherSide(side)]
  return here !== undefined && (there === undefined || here.since <= there.at)
}

function asCrossing(journey: Journey): Crossing {
  const { id, place, value, seen, written, lost } = journey
  const { mysql, mongo } = seen
  const at = Math.max(mysql?.at ?? 0, mongo?.at ?? 0)
  if (!mysql || !mongo) {
    const side = mysql ? 'mysql' : 'mongo'
    return { id, place, value, from: side, state: lost ?? 'under way', ms: null, at }
  }
  const arrived = { id, place, value, state: 'arrived' as const, at }
  if (written) {
    const there = seen[otherSide(written.side)]
    return { ...arrived, from: written.side, ms: Math.max(0, (there?.at ?? written.at) - written.at) }
  }
  if (mysql.at < mongo.since) return { ...arrived, from: 'mysql', ms: mongo.at - mysql.at }
  if (mongo.at < mysql.since) return { ...arrived, from: 'mongo', ms: mysql.at - mongo.at }
  return { ...arrived, from: null, ms: at - Math.min(mysql.since, mongo.since) }
}
