import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'
import '@/shared/api/client'
import { conflictsListOptions } from '@/shared/api/generated/@tanstack/react-query.gen'
import { Answered } from '@/shared/ui/Answered'
import { Empty } from '@/shared/ui/Empty'
import { Page } from '@/shared/ui/Page'
import { Pager } from '@/shared/ui/Pager'
import { usePastTheEnd } from '@/shared/ui/usePastTheEnd'
import { ConflictList } from './ConflictList'
import { FilterBar } from './FilterBar'
import { fromAddress, PAGE_SIZE, toAddress, toQuery, type Filters } from './filters'

/** Milliseconds. */
const AGAIN = 3_000

/** Every conflict that the filters of the address let through, newest first. */
export function ConflictsPage() {
  const [params, setParams] = useSearchParams()
  const filters = fromAddress(params)
  const conflicts = useQuery({
    ...conflictsListOptions({ query: toQuery(filters) }),
    refetchInterval: AGAIN,
    placeholderData: keepPreviousData,
  })
  const change = (chosen: Filters) => {
    setParams(toAddress(chosen))
  }
  const turn = (page: number) => {
    change({ ...filters, page })
  }
  usePastTheEnd(conflicts, filters.page, turn)
  return (
    <Page
      title="Conflicts"
      lead="Documents that were edited on both sides at once, or that could not be carried. Newest first."
    >
      <FilterBar filters={filters} change={change} />
      <Answered query={conflicts} what="conflicts">
        {(found) =>
          found.results.length === 0 ? (
            <Empty title="No conflict">
              {toAddress(filters).size > 0 ? 'None fits these filters.' : 'Nothing is held, and no value has ever lost.'}
            </Empty>
          ) : (
            <>
              <ConflictList conflicts={found.results} />
              <Pager
                count={found.count}
                size={PAGE_SIZE}
                page={filters.page}
                what={{ one: 'conflict', many: 'conflicts' }}
                turn={turn}
              />
            </>
          )
        }
      </Answered>
    </Page>
  )
}
