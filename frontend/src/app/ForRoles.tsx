import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, Navigate, Outlet, useLocation } from 'react-router'
import { me, ROLES, type Role } from '@/shared/api/me'
import { Loading } from '@/shared/ui/Loading'
import { Page } from '@/shared/ui/Page'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'

/** Pages of some roles. The server refuses by itself; this tells people before they ask in vain. */
export function ForRoles({ roles }: { roles: readonly Role[] }) {
  const who = useQuery(me)
  const { pathname, search } = useLocation()
  if (who.isPending) return <Loading what="who you are" />
  if (who.data === undefined) return <ProblemNotice error={who.error} again={() => void who.refetch()} />
  if (who.data === null) return <Navigate to={`/login?next=${encodeURIComponent(pathname + search)}`} replace />
  if (!roles.includes(who.data.role)) {
    return (
      <Page title="Not for your role">
        <Text>
          You are logged in as {who.data.email} ({ROLES[who.data.role].toLowerCase()}). This page is for{' '}
          {roles.map((role) => ROLES[role].toLowerCase()).join(' and ')}.
        </Text>
        <Text>
          {who.data.requested_role ? 'Your request for another role has not been decided yet. ' : ''}
          <Link to="/">To your own page</Link>
        </Text>
      </Page>
    )
  }
  return <Outlet />
}
