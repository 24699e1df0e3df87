import { Anchor, Paper, Text, Title } from '@mantine/core'
import { Link } from 'react-router'
import type { ConflictDetail } from '@/shared/api/generated/types.gen'
import { ConflictSummary } from '@/shared/conflict/ConflictSummary'
import { STATES } from '@/shared/conflict/words'

/** The customer's open conflict, or its newest, with winner and loser. */
export function ConflictCard({ conflict }: { conflict: ConflictDetail | null }) {
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="conflict-title">
      <Title order={2} size="h4" id="conflict-title" mb="sm">
        {conflict?.closed_at ? 'Newest conflict' : 'Conflict'}
      </Title>
      {conflict ? (
        <>
          <ConflictSummary conflict={conflict} />
          <Anchor component={Link} to={`/conflicts/${conflict.id}`} underline="always" mt="sm" display="inline-block">
            Everything about conflict {conflict.id}
          </Anchor>
        </>
      ) : (
        <Text c="dimmed">None: nobody has edited this customer on both sides at once.</Text>
      )}
      <p role="status" className="unseen">
        {conflict ? `Conflict ${conflict.id}: ${STATES[conflict.state].word}` : ''}
      </p>
    </Paper>
  )
}
