import { Paper, Text, Title } from '@mantine/core'
import { placeName } from '@/shared/format/places'
import { SIDES, otherSide } from '@/shared/format/sides'
import { shownCrossing } from '@/shared/format/time'
import { shownValue } from '@/shared/format/value'
import type { Crossing } from './observations'

/** Entries that are drawn. */
const SHOWN = 12

/** What crossed, newest first, each with its way and its time. */
export function CrossingLog({ crossings }: { crossings: readonly Crossing[] }) {
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="log-title">
      <Title order={2} size="h4" id="log-title" mb="sm">
        What crossed
      </Title>
      {crossings.length === 0 ? (
        <Text c="dimmed">Nothing since this page was opened. Edit either side, here or from anywhere else.</Text>
      ) : (
        <ol className="plain journeys">
          {crossings.slice(0, SHOWN).map((crossing) => (
            <li key={crossing.id} className={`journey journey-${crossing.state.replace(' ', '-')}`} data-state={crossing.state}>
              <div className="journey-way">
                <Way crossing={crossing} />
              </div>
              <div className="breakable">
                <strong>{placeName(crossing.place)}</strong> <code>{valueOf(crossing)}</code>
              </div>
            </li>
          ))}
        </ol>
      )}
      <p role="status" className="unseen">
        {spoken(crossings[0])}
      </p>
    </Paper>
  )
}

function Way({ crossing }: { crossing: Crossing }) {
  const { from, ms, state } = crossing
  if (state === 'arrived' && ms !== null && from === null) return <span>seen on both sides within {shownCrossing(ms)}</span>
  if (from === null) return null
  const to = SIDES[otherSide(from)]
  const between = { arrived: ms === null ? '' : shownCrossing(ms), 'under way': '…', overtaken: '✗', unknown: '?' }[state]
  return (
    <>
      <span className={`pill pill-${from}`}>{SIDES[from]}</span>
      <span className="arrow">
        <span className="arrow-time">{between}</span>
      </span>
      <span className={`pill pill-${otherSide(from)}`}>{to}</span>
      {state === 'overtaken' ? <span>overtaken: the other side’s value won</span> : null}
      {state === 'under way' ? <span>under way</span> : null}
      {state === 'unknown' ? <span>not followed while the connection was renewed</span> : null}
    </>
  )
}

function valueOf(crossing: Crossing): string {
  if (crossing.place.column) return shownValue(crossing.value)
  return crossing.value === null ? 'removed' : 'added'
}

/** For those who hear the page: the newest arrival. */
function spoken(crossing: Crossing | undefined): string {
  if (crossing?.state !== 'arrived' || crossing.ms === null) return ''
  const what = placeName(crossing.place)
  if (crossing.from === null) return `${what} changed on both sides within ${shownCrossing(crossing.ms)}`
  return `${what} arrived in ${SIDES[otherSide(crossing.from)]} after ${shownCrossing(crossing.ms)}`
}
