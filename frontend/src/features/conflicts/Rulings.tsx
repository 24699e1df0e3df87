import { Paper, Text, Title } from '@mantine/core'
import type { Ruling } from '@/shared/api/generated/types.gen'
import { shownAt } from '@/shared/conflict/outcome'
import { placeId, placeName } from '@/shared/format/places'
import { SIDES } from '@/shared/format/sides'
import { shownMoment } from '@/shared/format/time'

const STATES: Record<Ruling['state'], string> = { requested: 'asked for', pending: 'being carried out', done: 'carried out', refused: 'refused' }

/** Who decided what, when and why. */
export function Rulings({ rulings }: { rulings: readonly Ruling[] }) {
  if (rulings.length === 0) return null
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="rulings-title">
      <Title order={2} size="h4" id="rulings-title" mb="sm">
        Decisions by people
      </Title>
      <ul className="plain cards">
        {rulings.map((ruling) => (
          <li key={ruling.request}>
            <Text fw={600} className="breakable">
              {ruling.by}, {shownMoment(ruling.asked_at)}: {STATES[ruling.state]}
              {ruling.message ? ` (${ruling.message})` : ''}
            </Text>
            <Text className="breakable">{ruling.reason}</Text>
            {ruling.fields.map((one) => (
              <Text key={placeId(one)} size="sm" c="dimmed" className="breakable">
                {placeName(one)}: {one.take === 'value' ? <code>{shownAt(one.column, one.value)}</code> : `as in ${SIDES[one.take]}`}
              </Text>
            ))}
          </li>
        ))}
      </ul>
    </Paper>
  )
}
