import { SIDES, otherSide } from '@/shared/format/sides'
import { shownCrossing } from '@/shared/format/time'
import type { Side } from '@/shared/api/generated/types.gen'
import type { Mark } from './recent'

/** Beside a value: that it came from the other side, and how long that took. */
export function MarkTag({ mark, side }: { mark: Mark | undefined; side: Side }) {
  if (!mark) return null
  const { crossing, arrived } = mark
  if (!arrived || crossing.ms === null) {
    return <span className="mark mark-written">{crossing.state === 'under way' ? 'written, under way' : 'written'}</span>
  }
  return (
    <span className="mark mark-arrived">
      from {SIDES[otherSide(side)]} in {shownCrossing(crossing.ms)}
    </span>
  )
}
