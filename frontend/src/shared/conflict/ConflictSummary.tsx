import { Group, Stack, Text } from '@mantine/core'
import type { ConflictDetail } from '@/shared/api/generated/types.gen'
import { shownMoment } from '@/shared/format/time'
import { StateBadge } from '@/shared/ui/Badges'
import { DecidedPlaces } from './DecidedPlaces'
import { repairedFrom } from './outcome'
import { KINDS, POLICIES, STATES } from './words'

/** A conflict as a whole: how far it has come, why it arose, by which rule it was decided, and the outcome. */
export function ConflictSummary({ conflict }: { conflict: ConflictDetail }) {
  const state = STATES[conflict.state]
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <StateBadge tone={state.tone}>{state.word}</StateBadge>
        <Text size="sm" c="dimmed">
          {state.meaning}
        </Text>
      </Group>
      <Text className="breakable">
        {KINDS[conflict.kind]}: {conflict.reason}
      </Text>
      {conflict.waiting_for ? (
        <Text className="breakable">
          <strong>Waiting for:</strong> {conflict.waiting_for}
        </Text>
      ) : null}
      {conflict.blockers?.length ? (
        <Text className="breakable">
          <strong>In the way:</strong>{' '}
          {conflict.blockers.map(({ collection, document, table, under }) => `${collection} ${document} (${table}, ${under})`).join(', ')}
        </Text>
      ) : null}
      <Text size="sm" c="dimmed">
        Opened {shownMoment(conflict.opened_at)}
        {conflict.closed_at ? `, closed ${shownMoment(conflict.closed_at)} (${settledAfter(conflict)})` : ''}
        {conflict.policy && !repairedFrom(conflict) ? `; rule: ${POLICIES[conflict.policy] ?? conflict.policy}` : ''}
      </Text>
      <DecidedPlaces conflict={conflict} />
    </Stack>
  )
}

function settledAfter(conflict: ConflictDetail): string {
  const took = new Date(conflict.closed_at ?? '').getTime() - new Date(conflict.opened_at).getTime()
  return `after ${took < 1000 ? `${Math.round(took)} ms` : `${(took / 1000).toFixed(1)} s`}`
}
