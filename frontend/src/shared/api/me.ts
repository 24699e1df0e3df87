import { queryOptions } from '@tanstack/react-query'
import './client'
import { meRetrieve } from './generated/sdk.gen'
import type { Me } from './generated/types.gen'
import { asProblem } from './problem'

/** Who is logged in; null: nobody. */
export const me = queryOptions({
  queryKey: ['me'],
  queryFn: async ({ signal }): Promise<Me | null> => {
    try {
      return (await meRetrieve({ signal, throwOnError: true })).data
    } catch (error) {
      if (asProblem(error).stranger) return null
      throw error
    }
  },
  staleTime: 60_000,
})

export const ROLES = {
  customer: 'Customer',
  technical_worker: 'Technical worker',
  senior_management: 'Senior management',
} as const

export type Role = keyof typeof ROLES
