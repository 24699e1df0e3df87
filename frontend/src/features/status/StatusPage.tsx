import { SimpleGrid } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import '@/shared/api/client'
import { conflictsSummaryRetrieveOptions, syncStatusRetrieveOptions } from '@/shared/api/generated/@tanstack/react-query.gen'
import { Answered } from '@/shared/ui/Answered'
import { StateBadge } from '@/shared/ui/Badges'
import { Empty } from '@/shared/ui/Empty'
import { Page } from '@/shared/ui/Page'
import { ConflictCounts } from './ConflictCounts'
import { DirectionCard } from './DirectionCard'
import { Standings } from './Standings'

/** Milliseconds. Workers say how they are every four seconds. */
const AGAIN = 2_000

/** How both directions are, and what is held. */
export function StatusPage() {
  const status = useQuery({ ...syncStatusRetrieveOptions(), refetchInterval: AGAIN })
  const summary = useQuery({
    ...conflictsSummaryRetrieveOptions(),
    refetchInterval: AGAIN,
    enabled: status.data?.set_up !== false,
  })
  const workers = new Map(status.data?.workers.map((worker) => [worker.name, worker]))
  return (
    <Page
      title="Status"
      lead="What the two workers last said, and what they hold."
      beside={
        status.data ? (
          <StateBadge tone={status.data.healthy ? 'good' : 'bad'}>
            {status.data.healthy ? 'Both directions are well' : 'Needs a look'}
          </StateBadge>
        ) : null
      }
    >
      <Answered query={status} what="the status">
        {(found) =>
          found.set_up ? (
            <>
              <SimpleGrid cols={{ base: 1, md: 2 }}>
                <DirectionCard name="follower" from="mysql" worker={workers.get('follower')} />
                <DirectionCard name="listener" from="mongo" worker={workers.get('listener')} />
              </SimpleGrid>
              <Standings collections={found.collections ?? []} />
              <Answered query={summary} what="the counts">
                {(counts) => <ConflictCounts summary={counts} />}
              </Answered>
            </>
          ) : (
            <Empty title="Not set up yet">
              The synchronisation’s own tables are not there. On the server: <code>lockstep setup</code>
            </Empty>
          )
        }
      </Answered>
    </Page>
  )
}
