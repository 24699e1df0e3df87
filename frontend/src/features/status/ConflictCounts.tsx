import { Paper, SimpleGrid, Text, Title } from '@mantine/core'
import { Link } from 'react-router'
import type { ConflictState, ConflictSummary } from '@/shared/api/generated/types.gen'
import { KINDS, STATES } from '@/shared/conflict/words'
import { shownSeconds } from '@/shared/format/time'

const ORDER: readonly ConflictState[] = ['open', 'waiting', 'settled', 'converged']

/** Conflicts in numbers, each the way to its list. */
export function ConflictCounts({ summary }: { summary: ConflictSummary }) {
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="counts-title">
      <Title order={2} size="h4" id="counts-title" mb="sm">
        Conflicts
      </Title>
      <SimpleGrid component="ul" cols={{ base: 2, sm: 4 }} className="plain counts">
        {ORDER.map((state) => (
          <li key={state}>
            <Link to={`/conflicts?show=${state}`} className="count">
              <span className="count-number">{summary.states[state]}</span>
              <span>{STATES[state].word}</span>
            </Link>
          </li>
        ))}
      </SimpleGrid>
      {summary.oldest_held_seconds === null ? (
        <Text c="dimmed" mt="sm">
          Nothing is held now.
        </Text>
      ) : (
        <>
          <Text mt="sm">The oldest that is held was opened {shownSeconds(summary.oldest_held_seconds)} ago.</Text>
          <ul aria-label="Held documents by collection and kind">
            {summary.held.map(({ collection, kind, count }) => (
              <li key={`${collection} ${kind}`}>
                <Link to={`/conflicts?show=held&kind=${kind}&collection=${encodeURIComponent(collection)}`}>
                  {count} in {collection}: {KINDS[kind]}
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </Paper>
  )
}
