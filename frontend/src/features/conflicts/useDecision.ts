import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import '@/shared/api/client'
import { conflictsRetrieveQueryKey, conflictsRulingsRetrieveOptions } from '@/shared/api/generated/@tanstack/react-query.gen'
import { conflictsResolveCreate } from '@/shared/api/generated/sdk.gen'
import type { Resolve, RulingAnswer } from '@/shared/api/generated/types.gen'

/** Milliseconds between two questions what became of it. */
const AGAIN = 300

export function isOnItsWay(ruling: RulingAnswer | undefined): boolean {
  return ruling?.state === 'requested' || ruling?.state === 'pending'
}

export type Decision = ReturnType<typeof useDecision>

/** Asks for a decision, and follows it until it was carried out or refused. */
export function useDecision(id: number) {
  const queries = useQueryClient()
  const asking = useMutation({
    mutationFn: async (body: Resolve) => {
      const { data } = await conflictsResolveCreate({ path: { id }, body, throwOnError: true })
      return data
    },
    onSettled: () => queries.invalidateQueries({ queryKey: conflictsRetrieveQueryKey({ path: { id } }) }),
  })
  const request = asking.data?.request
  const following = useQuery({
    ...conflictsRulingsRetrieveOptions({ path: { id, request_number: request ?? 0 } }),
    enabled: request !== undefined,
    refetchInterval: ({ state }) => (state.data === undefined || isOnItsWay(state.data) ? AGAIN : false),
  })
  return { asking, ruling: request === undefined ? undefined : (following.data ?? asking.data), problem: asking.error ?? following.error }
}
