import { NativeSelect, SimpleGrid } from '@mantine/core'
import { KINDS } from '@/shared/conflict/words'
import { AGES, SHOWS, type Age, type Filters, type Show } from './filters'

const COLLECTIONS = ['customers', 'accounts', 'transactions']

interface Props {
  filters: Filters
  change: (filters: Filters) => void
}

/** Which conflicts the list shows. A choice counts at once and begins with the first page. */
export function FilterBar({ filters, change }: Props) {
  const choose = (chosen: Partial<Filters>) => {
    change({ ...filters, page: 1, ...chosen })
  }
  return (
    <SimpleGrid component="form" role="search" aria-label="Conflicts" cols={{ base: 1, xs: 2, md: 4 }}>
      <NativeSelect
        label="State"
        data={labelled(SHOWS)}
        value={filters.show}
        onChange={(event) => {
          choose({ show: event.currentTarget.value as Show })
        }}
      />
      <NativeSelect
        label="Kind"
        data={[{ value: '', label: 'Any kind' }, ...Object.entries(KINDS).map(([value, label]) => ({ value, label: `${value}: ${label}` }))]}
        value={filters.kind}
        onChange={(event) => {
          choose({ kind: event.currentTarget.value as Filters['kind'] })
        }}
      />
      <NativeSelect
        label="Collection"
        data={[{ value: '', label: 'Any collection' }, ...withChosen(COLLECTIONS, filters.collection)]}
        value={filters.collection}
        onChange={(event) => {
          choose({ collection: event.currentTarget.value })
        }}
      />
      <NativeSelect
        label="Age"
        data={labelled(AGES)}
        value={filters.age}
        onChange={(event) => {
          choose({ age: event.currentTarget.value as Age })
        }}
      />
    </SimpleGrid>
  )
}

function labelled(known: Record<string, { label: string }>) {
  return Object.entries(known).map(([value, { label }]) => ({ value, label }))
}

/** A collection of another mapping that came with the address stays to be seen. */
function withChosen(known: readonly string[], chosen: string): string[] {
  return chosen && !known.includes(chosen) ? [...known, chosen] : [...known]
}
