import { useMutation } from '@tanstack/react-query'
import '@/shared/api/client'
import { crossingCustomersEditsCreate } from '@/shared/api/generated/sdk.gen'
import type { Edit } from '@/shared/api/generated/types.gen'
import type { LiveAction } from './live'

/** Writes one field, and tells the page when each side acknowledged it. */
export function useEdit(id: string, tell: (action: LiveAction) => void) {
  return useMutation({
    mutationFn: async (body: Edit) => {
      const { data } = await crossingCustomersEditsCreate({ path: { id }, body, throwOnError: true })
      return data
    },
    onSuccess: (written, body) => {
      tell({ type: 'write', note: { kind: 'write', field: body.field, written } })
    },
  })
}
