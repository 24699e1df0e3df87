import { useQuery } from '@tanstack/react-query'
import { Navigate } from 'react-router'
import { me, type Role } from '@/shared/api/me'
import { Loading } from '@/shared/ui/Loading'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'

export const HOME: Record<Role, string> = {
  customer: '/documents',
  technical_worker: '/status',
  senior_management: '/overview',
}

/** Each role begins where its work is. */
export function Landing() {
  const who = useQuery(me)
  if (who.isPending) return <Loading what="who you are" />
  if (who.data === undefined) return <ProblemNotice error={who.error} again={() => void who.refetch()} />
  return <Navigate to={who.data ? HOME[who.data.role] : '/login'} replace />
}
