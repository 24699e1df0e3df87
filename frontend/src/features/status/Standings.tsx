import { Group, Paper, Text, Title } from '@mantine/core'
import type { CollectionStanding } from '@/shared/api/generated/types.gen'
import { SIDES } from '@/shared/format/sides'
import { shownMoment } from '@/shared/format/time'
import { StateBadge } from '@/shared/ui/Badges'

/** Collections that are paused or compared since one of their tables was altered; nothing where all are simply carried. */
export function Standings({ collections }: { collections: readonly CollectionStanding[] }) {
  if (collections.length === 0) return null
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="standings-title">
      <Title order={2} size="h4" id="standings-title" mb="sm">
        Altered collections
      </Title>
      <ul className="plain">
        {collections.map(({ name, state, side, reason, hint, since }) => (
          <li key={name}>
            <Group justify="space-between" gap="sm">
              <Text fw={600} className="breakable">
                {name}
              </Text>
              <StateBadge tone={state === 'paused' ? 'bad' : 'busy'}>{state}</StateBadge>
            </Group>
            <Text className="breakable">
              {state === 'paused'
                ? 'Nothing of it is written on either side; what people edit meanwhile is held.'
                : 'It is carried while both sides are compared.'}{' '}
              Altered in {SIDES[side]}, {shownMoment(since)}: {reason}
            </Text>
            {hint ? (
              <Text className="breakable">
                What helps: <code>{hint}</code>
              </Text>
            ) : null}
          </li>
        ))}
      </ul>
    </Paper>
  )
}
