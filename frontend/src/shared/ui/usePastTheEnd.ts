import type { UseQueryResult } from '@tanstack/react-query'
import { useEffect } from 'react'
import { asProblem } from '@/shared/api/problem'

/** Turns to the first page where the one in the address is behind the last: what stood there has gone, or the address has a mistake. */
export function usePastTheEnd(query: UseQueryResult, page: number, turn: (page: number) => void) {
  const past = page > 1 && query.isError && asProblem(query.error).status === 404
  useEffect(() => {
    if (past) turn(1)
  }, [past, turn])
}
