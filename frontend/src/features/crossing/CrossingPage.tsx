import { Alert, Anchor, Group, SimpleGrid, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { Link, useParams } from 'react-router'
import { me } from '@/shared/api/me'
import { StateBadge } from '@/shared/ui/Badges'
import { Empty } from '@/shared/ui/Empty'
import { Loading } from '@/shared/ui/Loading'
import { Page } from '@/shared/ui/Page'
import { BothForm } from './BothForm'
import { ConflictCard } from './ConflictCard'
import { CrossingLog } from './CrossingLog'
import { DocumentView } from './DocumentView'
import { EditForm } from './EditForm'
import { asInput, isNowhere } from './fields'
import type { Live } from './live'
import { crossings } from './observations'
import { marks } from './recent'
import { RowsView } from './RowsView'
import { SideCard } from './SideCard'
import { useLive } from './useLive'

/** One customer on both sides, live. */
export function CrossingPage() {
  const { id = '' } = useParams()
  // Another customer is another page: nothing of the one before may stay.
  return <CustomerCrossing key={id} id={id} />
}

function CustomerCrossing({ id }: { id: string }) {
  const [live, tell] = useLive(id)
  const found = useMemo(() => crossings(live.log), [live.log])
  const writes = useQuery(me).data?.role === 'technical_worker'
  const { customer } = live
  const name = customer ? asInput(customer, 'mysql', 'name') || asInput(customer, 'mongo', 'name') : ''
  return (
    <Page
      title={name ? `Crossing: ${name}` : 'Crossing'}
      lead={
        <>
          Customer {id} ·{' '}
          <Anchor component={Link} to="/crossing" underline="always">
            choose another
          </Anchor>
        </>
      }
      beside={<Liveness live={live} />}
    >
      {live.problem ? (
        <Alert role="alert" color="red" variant="outline" title="Not followed now">
          {live.problem}
        </Alert>
      ) : null}
      {!customer ? (
        live.problem ? null : <Loading what="both sides" />
      ) : isNowhere(customer) ? (
        <Empty title="Neither side holds this customer">
          It may have been deleted, or the address has a mistake. Choose another customer; if this one is made, it shows here.
        </Empty>
      ) : (
        <>
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <SideCard side="mysql" what="as rows of its tables" problem={customer.rows_problem}>
              {writes ? <EditForm id={id} side="mysql" customer={customer} tell={tell} /> : null}
              <RowsView tables={customer.rows} marks={marks(found, 'mysql')} />
            </SideCard>
            <SideCard side="mongo" what="as one document of the collection customers" problem={customer.document_problem}>
              {writes ? <EditForm id={id} side="mongo" customer={customer} tell={tell} /> : null}
              {customer.document ? (
                <DocumentView document={customer.document} marks={marks(found, 'mongo')} />
              ) : (
                <Text c="dimmed">MongoDB does not hold this customer.</Text>
              )}
            </SideCard>
          </SimpleGrid>
          {writes ? (
            <BothForm id={id} customer={customer} tell={tell} />
          ) : (
            <Text c="dimmed">Technical workers may edit here; you see what they and others do.</Text>
          )}
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <CrossingLog crossings={found} />
            <ConflictCard conflict={customer.conflict} />
          </SimpleGrid>
        </>
      )}
    </Page>
  )
}

function Liveness({ live }: { live: Live }) {
  const { customer, connection } = live
  return (
    <Group gap="xs">
      {connection === 'live' ? <StateBadge tone="good">Live</StateBadge> : null}
      {connection === 'lost' ? <StateBadge tone="bad">Connection lost, asking again</StateBadge> : null}
      {customer && !isNowhere(customer) ? (
        customer.differing.length === 0 ? (
          <StateBadge tone="good">Both sides equal</StateBadge>
        ) : (
          <StateBadge tone="busy">Sides differ</StateBadge>
        )
      ) : null}
    </Group>
  )
}
