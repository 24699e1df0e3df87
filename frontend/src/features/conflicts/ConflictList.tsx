import { Anchor, Group, Text } from '@mantine/core'
import { Link, useLocation } from 'react-router'
import type { ConflictList as Conflict } from '@/shared/api/generated/types.gen'
import { KINDS, STATES } from '@/shared/conflict/words'
import { shownMoment } from '@/shared/format/time'
import { StateBadge } from '@/shared/ui/Badges'

/** Each leads to its page, which leads back to this list with its filters. */
export function ConflictList({ conflicts }: { conflicts: readonly Conflict[] }) {
  const { search } = useLocation()
  return (
    <ul className="plain cards" aria-label="Conflicts">
      {conflicts.map((conflict) => (
        <li key={conflict.id}>
          <Group justify="space-between" gap="xs">
            <Anchor component={Link} to={`/conflicts/${conflict.id}`} state={{ search }} underline="always" className="breakable">
              {conflict.collection} {conflict.document}
            </Anchor>
            <StateBadge tone={STATES[conflict.state].tone}>{STATES[conflict.state].word}</StateBadge>
          </Group>
          <Text className="breakable">
            {KINDS[conflict.kind]}: {conflict.reason}
          </Text>
          <Text size="sm" c="dimmed">
            Number {conflict.id}, opened {shownMoment(conflict.opened_at)}
            {conflict.closed_at ? `, closed ${shownMoment(conflict.closed_at)}` : ''}
          </Text>
        </li>
      ))}
    </ul>
  )
}
