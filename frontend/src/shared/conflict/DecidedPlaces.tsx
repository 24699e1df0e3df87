import { Text } from '@mantine/core'
import type { ConflictDetail } from '@/shared/api/generated/types.gen'
import { placeName } from '@/shared/format/places'
import { SIDES } from '@/shared/format/sides'
import { shownMicroseconds } from '@/shared/format/time'
import { decidedPlaces, furtherLosers, isPersons, shownAt, type Fate, type Version } from './outcome'

const MARKS: Record<Fate, string> = {
  winner: '✓ winner',
  loser: '✗ loser',
  'gave way': '○ gave way',
  'in question': '? in question',
  both: '+ both count',
}

/** Field by field: what stood there, both values with when they were written, the winner and the loser. */
export function DecidedPlaces({ conflict }: { conflict: ConflictDetail }) {
  const places = decidedPlaces(conflict)
  const further = furtherLosers(conflict)
  if (places.length === 0 && further.length === 0) return null
  return (
    <ul className="plain decided" aria-label="What was decided, field by field">
      {places.map(({ id, field, versions }) => (
        <li key={id}>
          <Text fw={600} className="breakable">
            {placeName(field)}
          </Text>
          {field.base !== null ? (
            <Text size="sm" c="dimmed" className="breakable">
              before: <code>{shownAt(field.column, field.base)}</code>
            </Text>
          ) : null}
          {field.own !== undefined ? (
            <Text size="sm" className="breakable">
              {isPersons(field) ? 'a person’s value' : 'both changes together'}: <code>{shownAt(field.column, field.own)}</code>
            </Text>
          ) : null}
          {field.doubtful ? (
            <Text size="sm" c="dimmed">
              The clocks of both servers cannot tell which was written first.
            </Text>
          ) : null}
          <div className="versions">
            {versions.map((version) => (
              <VersionCell key={version.side} version={version} />
            ))}
          </div>
        </li>
      ))}
      {further.map((loser, place) => (
        <li key={`further ${place}`}>
          <Text fw={600} className="breakable">
            {placeName(loser)}
          </Text>
          <VersionCell version={{ side: loser.side, column: loser.column, value: loser.value, time: loser.time, fate: 'loser' }} />
        </li>
      ))}
    </ul>
  )
}

function VersionCell({ version }: { version: Version }) {
  const { side, column, value, time, fate } = version
  return (
    <div className={`version fate-${fate.replace(' ', '-')}`} data-fate={fate} data-side={side}>
      <div className="version-head">
        <span>{SIDES[side]}</span>
        <strong>{MARKS[fate]}</strong>
      </div>
      <code className="breakable">{shownAt(column, value)}</code>
      {time !== null ? <span className="version-time">written {shownMicroseconds(time)}</span> : null}
    </div>
  )
}
