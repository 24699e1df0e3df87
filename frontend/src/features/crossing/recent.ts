import type { Side } from '@/shared/api/generated/types.gen'
import { placeId, topField } from '@/shared/format/places'
import { otherSide } from '@/shared/format/sides'
import type { Crossing } from './observations'

/** How a place is marked on one side: with the newest crossing that arrived there. */
export interface Mark {
  crossing: Crossing
  /** It arrived here from the other side; false: it was written here. */
  arrived: boolean
}

/** The newest journey of each place, by the place in rows and by the field of the document. */
export function marks(found: readonly Crossing[], side: Side): Map<string, Mark> {
  const newest = new Map<string, Mark>()
  for (const crossing of found) {
    // A value that was overtaken stands nowhere any more.
    const here = crossing.state === 'arrived' || (crossing.from === side && crossing.state !== 'overtaken')
    if (!here) continue
    const mark = { crossing, arrived: crossing.state === 'arrived' && crossing.from === otherSide(side) }
    const name = side === 'mysql' ? placeId(crossing.place) : topField(crossing.place)
    if (!newest.has(name)) newest.set(name, mark)
  }
  return newest
}
