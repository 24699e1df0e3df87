import { Anchor, Paper, SimpleGrid, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useLocation, useParams } from 'react-router'
import '@/shared/api/client'
import { conflictsRetrieveOptions } from '@/shared/api/generated/@tanstack/react-query.gen'
import type { ConflictDetail } from '@/shared/api/generated/types.gen'
import { ConflictSummary } from '@/shared/conflict/ConflictSummary'
import { shownMoment } from '@/shared/format/time'
import { Answered } from '@/shared/ui/Answered'
import { Fact, Facts } from '@/shared/ui/Fact'
import { Page } from '@/shared/ui/Page'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'
import { Decide } from './Decide'
import { HeldRows } from './HeldRows'
import { isClosed, resolution } from './resolution'
import { RulingNotice } from './RulingNotice'
import { Rulings } from './Rulings'
import { useDecision } from './useDecision'

/** Milliseconds; a closed conflict changes no more. */
const AGAIN = 1_000

/** One conflict: both values, field by field with winner and loser. */
export function ConflictPage() {
  const { id = '' } = useParams()
  const from = useLocation().state as { search: string } | null
  const conflict = useQuery({
    ...conflictsRetrieveOptions({ path: { id: Number(id) } }),
    refetchInterval: ({ state }) => (state.data && isClosed(state.data) ? false : AGAIN),
  })
  return (
    <Page
      title={`Conflict ${id}`}
      lead={
        <Anchor component={Link} to={{ pathname: '/conflicts', search: from?.search ?? '' }} underline="always">
          All conflicts
        </Anchor>
      }
    >
      <Answered query={conflict} what="the conflict">
        {(found) => <Everything conflict={found} />}
      </Answered>
    </Page>
  )
}

function Everything({ conflict }: { conflict: ConflictDetail }) {
  const decision = useDecision(conflict.id)
  return (
    <>
      <RulingNotice ruling={decision.ruling} />
      {decision.problem ? <ProblemNotice error={decision.problem} /> : null}
      <Paper component="section" withBorder p="md" radius="md" aria-labelledby="outcome-title">
        <Title order={2} size="h4" id="outcome-title" mb="sm">
          Outcome
        </Title>
        <ConflictSummary conflict={conflict} />
        {conflict.fields?.length || isClosed(conflict) ? null : (
          <Text c="dimmed" mt="sm">
            Not decided yet.
          </Text>
        )}
      </Paper>
      {isClosed(conflict) ? null : <Decide conflict={conflict} decision={decision} />}
      <Rulings rulings={conflict.rulings ?? []} />
      <Paper component="section" withBorder p="md" radius="md" aria-labelledby="facts-title">
        <Title order={2} size="h4" id="facts-title" mb="sm">
          About it
        </Title>
        <Facts>
          <Fact name="Document">
            {conflict.collection} {conflict.document}{' '}
            {conflict.collection === 'customers' ? (
              <Anchor component={Link} to={`/crossing/${conflict.document}`} underline="always">
                watch it
              </Anchor>
            ) : null}
          </Fact>
          <Fact name="Kind">{conflict.kind}</Fact>
          <Fact name="Held first by">{conflict.side === 'mysql' ? 'the follower (MySQL’s change)' : 'the listener (MongoDB’s change)'}</Fact>
          <Fact name="Last change noted">{shownMoment(conflict.noted_at)}</Fact>
          <Fact name="Looked at">
            {conflict.looked_at ? `${conflict.looks === 1 ? 'once' : `${conflict.looks} times`}, last ${shownMoment(conflict.looked_at)}` : 'not yet'}
          </Fact>
          <Fact name="Closed by">{resolution(conflict)}</Fact>
        </Facts>
        {isClosed(conflict) ? null : (
          <Text size="sm" c="dimmed" mt="sm">
            To take one side’s version whole: <code>lockstep repair --collection {conflict.collection} --id {conflict.document} --from mysql</code>{' '}
            (or <code>mongo</code>)
          </Text>
        )}
      </Paper>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <HeldRows side="mysql" rows={conflict.mysql_value} looked={conflict.looked_at !== null} />
        <HeldRows side="mongo" rows={conflict.mongo_value} looked={conflict.looked_at !== null} />
      </SimpleGrid>
    </>
  )
}
