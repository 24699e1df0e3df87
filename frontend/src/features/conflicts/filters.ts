import { KINDS } from '@/shared/conflict/words'
import type { ConflictKind, ConflictsListData, ConflictState } from '@/shared/api/generated/types.gen'

/** What the list shows, as it stands in the address. */
export interface Filters {
  show: Show
  kind: ConflictKind | ''
  collection: string
  age: Age
  page: number
}

type Query = NonNullable<ConflictsListData['query']>

/** Groups of states that people ask for. Converged ones are none for people: no value lost. */
export const SHOWS = {
  people: { label: 'All but converged', states: ['open', 'waiting', 'settled'] },
  held: { label: 'Held now (open, waiting)', states: ['open', 'waiting'] },
  open: { label: 'Open', states: ['open'] },
  waiting: { label: 'Waiting', states: ['waiting'] },
  settled: { label: 'Settled', states: ['settled'] },
  converged: { label: 'Converged', states: ['converged'] },
  all: { label: 'All', states: [] },
} as const satisfies Record<string, { label: string; states: readonly ConflictState[] }>

export type Show = keyof typeof SHOWS

export const AGES = {
  any: { label: 'Any age', query: {} },
  'under-minute': { label: 'Opened within a minute', query: { newer_than: 60 } },
  'under-hour': { label: 'Opened within an hour', query: { newer_than: 3_600 } },
  'under-day': { label: 'Opened within a day', query: { newer_than: 86_400 } },
  'over-minute': { label: 'Older than a minute', query: { older_than: 60 } },
  'over-hour': { label: 'Older than an hour', query: { older_than: 3_600 } },
  'over-day': { label: 'Older than a day', query: { older_than: 86_400 } },
} as const satisfies Record<string, { label: string; query: Query }>

export type Age = keyof typeof AGES

export const PAGE_SIZE = 20

/** From the address; what it cannot mean is left out, so that an old or mistyped link still shows a list. */
export function fromAddress(params: URLSearchParams): Filters {
  const show = params.get('show') ?? ''
  const age = params.get('age') ?? ''
  const kind = params.get('kind') ?? ''
  const page = Number(params.get('page'))
  return {
    show: isKey(SHOWS, show) ? show : 'people',
    age: isKey(AGES, age) ? age : 'any',
    kind: isKey(KINDS, kind) ? kind : '',
    collection: params.get('collection') ?? '',
    page: Number.isInteger(page) && page > 1 ? page : 1,
  }
}

/** Into the address, without what is as it would be anyway. */
export function toAddress(filters: Filters): URLSearchParams {
  const params = new URLSearchParams()
  if (filters.show !== 'people') params.set('show', filters.show)
  if (filters.kind) params.set('kind', filters.kind)
  if (filters.collection) params.set('collection', filters.collection)
  if (filters.age !== 'any') params.set('age', filters.age)
  if (filters.page > 1) params.set('page', String(filters.page))
  return params
}

/** As the API is asked. */
export function toQuery(filters: Filters): Query {
  const states: readonly ConflictState[] = SHOWS[filters.show].states
  return {
    ...(states.length > 0 ? { status: [...states] } : {}),
    ...(filters.kind ? { kind: filters.kind } : {}),
    ...(filters.collection ? { collection: filters.collection } : {}),
    ...AGES[filters.age].query,
    page: filters.page,
    page_size: PAGE_SIZE,
  }
}

function isKey<Key extends string>(known: Record<Key, unknown>, text: string): text is Key {
  return Object.hasOwn(known, text)
}
