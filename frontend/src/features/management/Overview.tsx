import { SimpleGrid, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import '@/shared/api/client'
import {
  accountsListOptions,
  conflictsSummaryRetrieveOptions,
  customersListOptions,
  syncStatusRetrieveOptions,
  transactionsListOptions,
} from '@/shared/api/generated/@tanstack/react-query.gen'
import type { SyncStatus } from '@/shared/api/generated/types.gen'
import { Answered } from '@/shared/ui/Answered'
import { StateBadge } from '@/shared/ui/Badges'
import { RoleRequests } from './RoleRequests'

const ONE = { query: { page_size: 1 } }

/** The whole in a few numbers, and what waits for senior management. */
export function Overview() {
  const status = useQuery({ ...syncStatusRetrieveOptions(), refetchInterval: 5_000 })
  const conflicts = useQuery({ ...conflictsSummaryRetrieveOptions(), refetchInterval: 5_000 })
  const customers = useQuery(customersListOptions(ONE))
  const accounts = useQuery(accountsListOptions(ONE))
  const transactions = useQuery(transactionsListOptions(ONE))
  const numbers = [
    ['customers', customers.data?.count],
    ['accounts', accounts.data?.count],
    ['transaction buckets', transactions.data?.count],
    ['documents held', status.data?.open_conflicts],
  ] as const
  return (
    <>
      <Answered query={status} what="the state of both databases">
        {(found) => (
          <div>
            <StateBadge tone={!found.healthy ? 'bad' : found.open_conflicts > 0 ? 'busy' : 'good'}>{inShort(found)}</StateBadge>{' '}
            <Link to="/status">Status</Link>
          </div>
        )}
      </Answered>
      <SimpleGrid component="ul" cols={{ base: 2, sm: 4 }} className="plain counts" aria-label="Numbers">
        {numbers.map(([what, count]) => (
          <li key={what} className="count">
            <span className="count-number">{count ?? '…'}</span>
            <span>{what}</span>
          </li>
        ))}
      </SimpleGrid>
      <Answered query={conflicts} what="conflicts">
        {({ states }) => (
          <Text>
            {states.settled} {states.settled === 1 ? 'conflict was' : 'conflicts were'} settled so far, each with the value that
            lost on record. <Link to="/conflicts">Conflicts</Link>
          </Text>
        )}
      </Answered>
      <RoleRequests />
    </>
  )
}

function inShort({ healthy, open_conflicts: held }: SyncStatus): string {
  if (!healthy) return 'The synchronisation needs a look'
  if (held === 0) return 'Both databases are kept equal'
  return `Both databases are kept equal but for ${held === 1 ? 'one document that is' : `${held} documents that are`} held`
}
