import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Loading } from './Loading'
import { ProblemNotice } from './ProblemNotice'

interface Props<Data> {
  query: UseQueryResult<Data>
  what: string
  children: (data: Data) => ReactNode
}

/** A question to the server in each of its states. An answer stays in sight while a later one fails beside it. */
export function Answered<Data>({ query, what, children }: Props<Data>) {
  const again = () => void query.refetch()
  if (query.isPending) return <Loading what={what} />
  if (query.data === undefined) return <ProblemNotice error={query.error} again={again} />
  return (
    <>
      {query.isError ? <ProblemNotice error={query.error} again={again} /> : null}
      {children(query.data)}
    </>
  )
}
