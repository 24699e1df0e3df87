import { QueryClient } from '@tanstack/react-query'
import { asProblem } from './problem'

/** Whom the pages are for; every role's pages ask for it first. */
export const queryClient = new QueryClient({
  defaultOptions: {
    // Offline is told like any other failure; a question that silently waits for the network tells nothing.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      staleTime: 2_000,
      // A refusal stays one; what could not be reached may be there a moment later.
      retry: (times, error) => times < 2 && [0, 502, 504].includes(asProblem(error).status),
    },
  },
})
